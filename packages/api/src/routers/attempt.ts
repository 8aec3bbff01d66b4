import { AppError, type AttemptState, type AttemptSubject, can, canMove, findDotfileNotices, scaleEnds, textBytes } from '@plumbline/core';
import { closeAttempt, leaveQueue, prepareAttempt, startAttempt } from '@plumbline/database/attemptMoves';
import { findBuildLog } from '@plumbline/database/buildLogs';
import { goElsewhere } from '@plumbline/database/leaseGrants';
import { toScoreRow } from '@plumbline/database/scoreRow';
import { findSetup } from '@plumbline/database/setups';
import { listLeftOut } from '@plumbline/database/snapshots';
import { answerSurvey } from '@plumbline/database/surveys';
import { mintTicket } from '@plumbline/database/tickets';
import { findWorkspace } from '@plumbline/database/workspaces';
import { BUILD_LOG_LINES, CLOSE_REASON_MAX, SurveyAnswers } from '@plumbline/protocol';
import { reviewChecklist } from '@plumbline/taskstandard/reviewChecklist';
import { z } from 'zod';
import type { ApiContext } from '../context.ts';
import { authorisedOnAttempt, router } from '../procedure.ts';
import {
  ATTEMPT_INCLUDE,
  type AttemptWithRows,
  attemptResultView,
  attemptSettings,
  attemptSummary,
  changedWhileScored,
  clockActsOf,
  isScoreVisible,
  missingScores,
  plainlyConfined,
  toClockEvent,
} from '../views/attemptView.ts';
import { isOpen } from './assignment.ts';

async function loadAttemptRows(ctx: ApiContext, attemptId: string): Promise<AttemptWithRows> {
  const attempt = await ctx.db.prisma.attempt.findUnique({ where: { id: attemptId }, include: ATTEMPT_INCLUDE });
  if (!attempt) throw new AppError('not_found', 'There is no such attempt.');
  return attempt;
}

/** Whether this reader sees scores: staff who may read them always, the participant where the policy of the attempt shows them. */
function scoresVisibleTo(ctx: ApiContext, subject: AttemptSubject, attempt: AttemptWithRows): boolean {
  return can(ctx.actor, 'attempt.readStaff', subject) || isScoreVisible(attempt);
}

/** Lines of a build that whoever waits for it sees. */
const BUILD_LINES_SHOWN = 6;

const CloseReason = z.string().trim().max(CLOSE_REASON_MAX);

const AFTER_THE_END: readonly AttemptState[] = ['completed', 'void', 'withdrawn'];

async function workspaceView(ctx: ApiContext, attemptId: string) {
  const { workspaceRetentionMs: retentionMs } = ctx;
  return { ...(await findWorkspace(ctx.db, attemptId, { retentionMs })), retentionMs };
}

/** What became of an attempt's setup in its sandbox. */
function setupProgress({ hash, appliedHash, problem }: { hash: string; appliedHash: string | null; problem: string | null }) {
  return { state: appliedHash === hash ? ('applied' as const) : problem === null ? ('on_its_way' as const) : ('failed' as const), problem };
}

/** One attempt: what its participant does around the workspace, and what pages show of it. */
export const attemptRouter = router({
  get: authorisedOnAttempt('attempt.read').query(async ({ ctx, input }) => {
    const attempt = await loadAttemptRows(ctx, input.attemptId);
    const nowMs = ctx.clock.nowMs();
    const { study, environment } = attempt.assignment;
    const settings = attemptSettings(attempt);
    const isStaff = can(ctx.actor, 'attempt.readStaff', ctx.subject);
    const scoresVisible = scoresVisibleTo(ctx, ctx.subject, attempt);
    return {
      ...attemptSummary(attempt, ctx.actor, { nowMs, scoresVisible }),
      may: {
        replay: can(ctx.actor, 'attempt.replay', ctx.subject),
        watch: can(ctx.actor, 'attempt.watch', ctx.subject),
        endReview: can(ctx.actor, 'attempt.endReview', ctx.subject),
        scoreAgain: can(ctx.actor, 'attempt.scoreAgain', ctx.subject),
        void: can(ctx.actor, 'attempt.void', ctx.subject) && canMove(ctx.subject.state, 'void'),
        withdraw: can(ctx.actor, 'attempt.withdraw', ctx.subject) && canMove(ctx.subject.state, 'withdrawn'),
        clock: clockActsOf(attempt, ctx.actor),
      },
      window: { opensAt: attempt.assignment.opensAt, closesAt: attempt.assignment.closesAt, isOpen: isOpen(attempt.assignment, nowMs) },
      progress: attempt.progress,
      progressFraction: attempt.progressFraction,
      readyAt: attempt.readyAt,
      linkAgeMs: attempt.linkHeartbeatAt ? nowMs - attempt.linkHeartbeatAt.getTime() : null,
      environment: {
        family: environment.family,
        task: environment.task,
        version: environment.version,
        direction: settings.direction,
        aggregation: settings.aggregation,
        scoreUnit: settings.scoreUnit,
        resources: settings.resources,
        whileScoring: settings.whileScoring,
        scale: scaleEnds(settings),
      },
      rules: {
        aiToolLevel: study.aiToolLevel,
        onboarding: study.onboarding,
        limitMs: attempt.limitMs,
        maxPauses: study.maxPauses,
        maxPauseMs: study.maxPauseMs,
        maxPauseTotalMs: study.maxPauseTotalMs,
        payCents: study.payCents,
        currency: study.currency,
      },
      isolation: attempt.isolation,
      network: attempt.network,
      scoresVisible,
      scores: attempt.scores.map((row) => toScoreRow(row, settings, scoresVisible)),
      events: attempt.events.map(toClockEvent),
      result: attemptResultView(attempt, scoresVisible),
      survey: attempt.survey,
      /** For staff: what to look for before the result counts, and what the platform noticed of its scores. */
      review: isStaff
        ? {
            checklist: reviewChecklist(settings, environment.familyDir),
            instructions: settings.scoring.instructions,
            changedWhileScored: changedWhileScored(attempt.scores),
            plainlyConfined: plainlyConfined(attempt.scores),
            missingScores: missingScores(attempt, settings),
          }
        : null,
      /** For staff, once it is over: what hosts keep of it and until when, or when it was removed. */
      workspace: isStaff && AFTER_THE_END.includes(attempt.state) ? await workspaceView(ctx, attempt.id) : null,
    };
  }),

  /** The little that a page asks for again and again while a sandbox is being prepared. */
  progress: authorisedOnAttempt('attempt.read').query(async ({ ctx, input }) => {
    const { leases, setup, ...attempt } = await ctx.db.prisma.attempt.findUniqueOrThrow({
      where: { id: input.attemptId },
      select: {
        state: true,
        progress: true,
        progressFraction: true,
        network: true,
        leases: {
          where: { state: { in: ['queued', 'held'] } },
          select: { waitReason: true, waitAhead: true, requestedAt: true, grantedAt: true, elsewhere: true },
        },
        setup: { select: { hash: true, appliedHash: true, problem: true } },
      },
    });
    /**
     * `queue`: while it waits for a machine, and nothing is being made yet. `setup`: null where the participant has none. `buildLines`:
     * the newest that the build of its environment printed; all of them are for staff, since they may tell of the task before its clock.
     * `queue.elsewhere`: `offered` while it waits for the one machine that has all of its files, `chosen` once its participant let those
     * go that no copy has. `leftOut`: what the newest copy of its workspace lacks, which only the machine where it was made has.
     */
    const lease = leases[0] ?? null;
    const grantedAt = lease?.grantedAt ?? null;
    const log =
      attempt.state === 'provisioning' && grantedAt !== null ? await findBuildLog(ctx.db, input.attemptId, BUILD_LINES_SHOWN) : null;
    return {
      ...attempt,
      queue: grantedAt === null ? lease : null,
      setup: setup && setupProgress(setup),
      // Not those of an earlier try.
      leftOut: attempt.state === 'running' || attempt.state === 'paused' ? await listLeftOut(ctx.db, input.attemptId) : [],
      buildLines: log !== null && grantedAt !== null && log.at >= grantedAt ? log.lines : [],
    };
  }),

  /** For staff: what the build of its environment printed, whole or its newest lines; null where nothing was built for it. */
  buildLog: authorisedOnAttempt('attempt.readStaff')
    .input(z.object({ most: z.int().min(1).max(BUILD_LOG_LINES) }))
    .query(({ ctx, input }) => findBuildLog(ctx.db, input.attemptId, input.most)),

  /** The dotfiles and the keymap of this attempt, with what staff should know of them; null where there are none. */
  setup: authorisedOnAttempt('attempt.read').query(async ({ ctx, input }) => {
    const setup = await findSetup(ctx.db, input.attemptId);
    if (setup === null) return null;
    const { keymap, files, omitted, appliedAt, applied, problem } = setup;
    return {
      keymap,
      files: files.map(({ path, text }) => ({ path, text, size: textBytes(text) })),
      omitted,
      appliedAt,
      applied,
      problem,
      notices: findDotfileNotices(files),
    };
  }),

  /** Gives up the place in the queue; the sandbox can be asked for again. */
  leaveQueue: authorisedOnAttempt('attempt.prepare').mutation(({ ctx, input }) => leaveQueue(ctx.db, input.attemptId)),

  /** Goes on from the last copy on whichever machine is free first, instead of waiting for the one that has all of one's files. */
  goElsewhere: authorisedOnAttempt('attempt.participate').mutation(({ ctx, input }) =>
    goElsewhere(ctx.db, input.attemptId, { by: ctx.actor.userId }),
  ),

  /** Asks for a sandbox. Asking again while one is being prepared or is ready changes nothing. */
  prepare: authorisedOnAttempt('attempt.prepare').mutation(({ ctx, input }) => prepareAttempt(ctx.db, input.attemptId)),

  /** Starts the clock. From here on all time counts until it is paused or over. */
  start: authorisedOnAttempt('attempt.start').mutation(async ({ ctx, input }) => {
    const { state } = await startAttempt(ctx.db, input.attemptId, ctx.actor.userId);
    return { state };
  }),

  /** Ends one's own attempt for good, without a result. A reason is asked for, and nobody owes one. */
  withdraw: authorisedOnAttempt('attempt.withdraw')
    .input(z.object({ reason: CloseReason }))
    .mutation(({ ctx, input: { attemptId, reason } }) => closeAttempt(ctx.db, attemptId, 'withdrawn', { by: ctx.actor.userId, reason })),

  /** Ends somebody's attempt because of a fault that was not theirs: it does not count. They read the reason. */
  void: authorisedOnAttempt('attempt.void')
    .input(z.object({ reason: CloseReason.min(1) }))
    .mutation(({ ctx, input: { attemptId, reason } }) => closeAttempt(ctx.db, attemptId, 'void', { by: ctx.actor.userId, reason })),

  /** Keeps the participant's answers to the survey; answering again replaces them. */
  answerSurvey: authorisedOnAttempt('attempt.answerSurvey')
    .input(SurveyAnswers)
    .mutation(({ ctx, input: { attemptId, ...answers } }) => answerSurvey(ctx.db, attemptId, answers)),

  /** A single-use ticket for the socket of one's own attempt. */
  ticket: authorisedOnAttempt('attempt.participate').mutation(async ({ ctx, input }) => {
    if (ctx.sessionId === null) throw new AppError('forbidden', 'Your account may not do this.');
    return await mintTicket(ctx.db, {
      userId: ctx.actor.userId,
      sessionId: ctx.sessionId,
      attemptId: input.attemptId,
      purpose: 'participate',
    });
  }),
});

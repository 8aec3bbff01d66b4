import {
  type Actor,
  type AttemptResult,
  asRunElapsedMs,
  attemptResult,
  type CalibrationRecord,
  type ClockEvent,
  type ClockEventBody,
  type ClockFigures,
  can,
  clockFigures,
  type Scale,
  type StaffClockAct,
  scaleFor,
  staffClockActs,
} from '@plumbline/core';
import type { Prisma } from '@plumbline/database/client';
import { EnvironmentSettings } from '@plumbline/taskstandard/settings';

/** What pages show of an attempt, made from its rows: one place, so that every list and page agrees with the export. */

export const ATTEMPT_INCLUDE = {
  assignment: {
    include: {
      study: true,
      environment: { include: { calibrations: true } },
      participant: { include: { user: { select: { id: true, name: true, email: true } } } },
    },
  },
  events: { orderBy: { n: 'asc' } },
  scores: { orderBy: { n: 'asc' } },
  survey: { select: { at: true, expectation: true, difficulty: true, problems: true, offClockMinutes: true } },
  acceptances: { where: { passed: true }, orderBy: { at: 'desc' }, take: 1 },
} as const satisfies Prisma.AttemptInclude;

export type AttemptWithRows = Prisma.AttemptGetPayload<{ include: typeof ATTEMPT_INCLUDE }>;
type ScoreRecord = AttemptWithRows['scores'][number];

/** The settings that an environment was added with. */
export function environmentSettings(environment: { settings: unknown }): EnvironmentSettings {
  return EnvironmentSettings.parse(environment.settings);
}

/** The two scores that this attempt's are normalised by: of its own hardware profile where it was calibrated. */
export function attemptScale(attempt: AttemptWithRows): Scale {
  const { environment } = attempt.assignment;
  const calibrations = environment.calibrations.map((row): CalibrationRecord => {
    return { ...row, solution: row.solution as CalibrationRecord['solution'], atMs: row.at.getTime() };
  });
  return scaleFor(environmentSettings(environment), calibrations, attempt.acceptances[0]?.profile ?? null);
}

/** The environment's settings, with the starting and reference score that hold for this attempt. */
export function attemptSettings(attempt: AttemptWithRows): EnvironmentSettings {
  const { startingScore, referenceScore } = attemptScale(attempt);
  return { ...environmentSettings(attempt.assignment.environment), startingScore, referenceScore };
}

/** A stored clock event as the core's functions read it. */
export function toClockEvent(row: AttemptWithRows['events'][number]): ClockEvent {
  return { ...(row.data as object), kind: row.kind, n: row.n, atMs: row.at.getTime(), by: row.byUserId } as ClockEventBody & ClockEvent;
}

/** Whether the participant may see this attempt's scores. */
export function isScoreVisible(attempt: AttemptWithRows): boolean {
  return attempt.assignment.scoreVisible ?? environmentSettings(attempt.assignment.environment).scoreVisible;
}

/** Whether staff who list attempts see this one's scores: of their own, what its participant sees. */
export function isScoreVisibleInLists(attempt: AttemptWithRows, reader: { userId: string }): boolean {
  return !isOwnOf(attempt.assignment.participant, reader) || isScoreVisible(attempt);
}

/** The clock's figures at `nowMs`. */
export function attemptClock(
  attempt: Pick<AttemptWithRows, 'state' | 'events' | 'limitMs' | 'endedAt'>,
  study: Pick<AttemptWithRows['assignment']['study'], 'maxPauses' | 'maxPauseMs' | 'maxPauseTotalMs'>,
  nowMs: number,
): ClockFigures {
  return clockFigures(
    {
      state: attempt.state,
      events: attempt.events.map(toClockEvent),
      limits: {
        limitMs: attempt.limitMs,
        maxPauses: study.maxPauses,
        maxPauseMs: study.maxPauseMs,
        maxPauseTotalMs: study.maxPauseTotalMs,
      },
      endedAtMs: attempt.endedAt?.getTime() ?? null,
    },
    nowMs,
  );
}

/** What this reader may do to the attempt's clock as it stands now, as staff. */
export function clockActsOf(attempt: AttemptWithRows, reader: Actor): StaffClockAct[] {
  const ownerUserId = attempt.assignment.participant.userId;
  return staffClockActs(attempt.state, attempt.events.map(toClockEvent), ownerUserId).filter((act) =>
    can(reader, `attempt.${act}`, { ownerUserId, state: attempt.state }),
  );
}

/** Whether the reader is the participant. */
export function isOwnOf(participant: { userId: string | null }, reader: { userId: string }): boolean {
  return participant.userId !== null && participant.userId === reader.userId;
}

/** The participant as this reader may know them: only admins see names. */
export function participantLabel(
  participant: { id: string; kind: string; userId: string | null; user: { name: string } | null },
  reader: { role: string; userId: string },
): string {
  if ((reader.role === 'admin' || isOwnOf(participant, reader)) && participant.user) return participant.user.name;
  return `${participant.kind === 'agent' ? 'Agent' : 'Participant'} ${participant.id.slice(0, 8)}`;
}

export interface ResultView {
  countsScoreId: string | null;
  logged: AttemptResult<ScoreRecord>['logged'];
  result: AttemptResult<ScoreRecord>['result'];
  clean: AttemptResult<ScoreRecord>['clean'];
  /** What the normalised numbers rest on; its `note` belongs beside them. */
  scale: Scale;
}

/** The result of an attempt; null where the reader may not see it. Without a published scale it is raw alone. */
export function attemptResultView(attempt: AttemptWithRows, visible: boolean): ResultView | null {
  if (!visible) return null;
  const { counts, logged, result, clean } = attemptResult(attempt.scores, attemptSettings(attempt));
  return { countsScoreId: counts?.id ?? null, logged, result, clean, scale: attemptScale(attempt) };
}

/** The numbers of the scores whose submission was another after the scorer than before it. */
export function changedWhileScored(scores: readonly Pick<ScoreRecord, 'n' | 'submissionHash' | 'submissionHashAfter'>[]): number[] {
  return scores
    .filter((row) => row.submissionHash && row.submissionHashAfter && row.submissionHash !== row.submissionHashAfter)
    .map((row) => row.n);
}

/**
 * The numbers of the scores whose details say that nothing but its user kept the participant's code from the scorer: `confinement: plain`, or
 * that of one of several runs.
 */
export function plainlyConfined(scores: readonly Pick<ScoreRecord, 'n' | 'details'>[]): number[] {
  const isPlain = (run: unknown) => typeof run === 'object' && run !== null && 'confinement' in run && run.confinement === 'plain';
  return scores.filter(({ details }) => isPlain(details) || Object.values(details ?? {}).some(isPlain)).map(({ n }) => n);
}

/** What of the platform's own scores an attempt ended without, a sentence each: the final state's, and clean re-scores of the row that counts. */
export function missingScores(attempt: Pick<AttemptWithRows, 'state' | 'scores'>, settings: EnvironmentSettings): string[] {
  if (attempt.state !== 'completed') return [];
  const { counts, clean } = attemptResult(attempt.scores, settings);
  const missing = (trigger: string, done: number, wanted: number, what: string) => {
    if (done >= wanted) return [];
    const failed = attempt.scores.findLast((row) => row.trigger === trigger && row.status === 'cancelled');
    const { reason, error } = (failed?.message ?? {}) as { reason?: unknown; error?: unknown };
    const why = reason ?? error;
    return [`${what}${typeof why === 'string' ? ` ${why}` : ''}`];
  };
  const final = attempt.scores.filter((row) => row.trigger === 'final' && row.status !== 'cancelled').length;
  const done = clean?.finished ?? 0;
  const wanted = counts === null ? 0 : settings.cleanRescores;
  return [
    ...missing('final', final, 1, 'The final state could not be scored.'),
    ...missing('clean', done, wanted, `The row that counts could not be re-scored: ${done} of ${wanted} clean re-scores were taken.`),
  ];
}

/** What every list shows of an attempt. */
export function attemptSummary(
  attempt: AttemptWithRows,
  reader: { role: string; userId: string },
  options: { nowMs: number; scoresVisible: boolean },
) {
  const settings = attemptSettings(attempt);
  const result = attemptResultView(attempt, options.scoresVisible);
  return {
    attemptId: attempt.id,
    title: settings.title,
    study: attempt.assignment.study.name,
    participant: participantLabel(attempt.assignment.participant, reader),
    isOwn: isOwnOf(attempt.assignment.participant, reader),
    state: attempt.state,
    endReason: attempt.endReason,
    clock: attemptClock(attempt, attempt.assignment.study, options.nowMs),
    asRunMs: asRunElapsedMs(attempt.events.map(toClockEvent), attempt.endedAt?.getTime() ?? options.nowMs),
    createdAt: attempt.createdAt,
    startedAt: attempt.startedAt,
    endedAt: attempt.endedAt,
    completedAt: attempt.completedAt,
    scoreCount: attempt.scores.filter((row) => row.trigger === 'participant').length,
    scoreUnit: settings.scoreUnit,
    result,
  };
}
export type AttemptSummary = ReturnType<typeof attemptSummary>;

import { AppError, openHibernation, openStaffPause, PARTICIPANT_PAUSE_REASONS, type PauseReason } from '@plumbline/core';
import {
  appendClockEvent,
  assertMaySeal,
  listMessages,
  listNotes,
  listScores,
  requestScore,
  sealLastMinutes,
  writeMessage,
  writeNote,
} from '@plumbline/database';
import { REQUESTS, type RequestAct, type RequestArgs, type RequestResult, SANDBOX_REQUESTS, TASK_COMMAND_ACTS } from '@plumbline/protocol';
import type { LiveAttempt } from './liveAttempt.ts';
import { messageView } from './messages.ts';
import { assertRunning, pauseAttempt, runnerOf, thawed } from './pausing.ts';
import { openPort } from './ports/openPort.ts';
import type { CallAct } from './runnerConnection.ts';
import { scoreRowFor } from './scoreView.ts';

/** Who asks: a browser tab, or the `task` command in the sandbox, which acts for the participant. */
export interface Requester {
  /** The participant's user for the clock's events. */
  userId: string | null;
  /** The sign-in of a browser. */
  sessionId: string | null;
  via: 'browser' | 'task';
}

/** A runner that does not answer within this holds up no seal: what it still has of the terminals may be recorded again. */
const DROP_SCROLLBACK_TIMEOUT_MS = 5_000;

/** What reads or writes whole folders may take longer than other calls. */
const CALL_LIMITS_MS: Partial<Record<RequestAct, number>> = { 'file.download': 120_000, 'file.delete': 90_000, 'file.undelete': 90_000 };

type Handler<A extends RequestAct> = (attempt: LiveAttempt, args: RequestArgs<A>, requester: Requester) => Promise<RequestResult<A>>;

const HANDLERS: { [A in Exclude<RequestAct, keyof typeof SANDBOX_REQUESTS>]: Handler<A> } = {
  status: async (attempt) => attempt.clock.status(),
  instructions: async (attempt) => {
    assertRunning(attempt);
    return runnerOf(attempt).call('instructions', {});
  },
  score: (attempt) =>
    attempt.clock.turn.take(async () => {
      assertRunning(attempt);
      runnerOf(attempt);
      const stopsClock = attempt.view.settings.whileScoring.clock === 'stopped';
      const row = await requestScore(attempt.gateway.db, attempt.id, 'participant', { stopsClock });
      await attempt.scoring.start(row);
      return { scoreId: row.id, n: row.n };
    }),
  'score.cancel': async (attempt) => {
    assertRunning(attempt);
    return runnerOf(attempt).call('score.cancel', {});
  },
  scores: async (attempt) => {
    const rows = await listScores(attempt.gateway.db, attempt.id);
    return { scores: rows.map((row) => scoreRowFor(row, attempt.view)) };
  },
  note: async (attempt, { text, kind = 'note' }) => {
    if (!attempt.underWay) throw new AppError('clock_not_running', 'Notes can be written while the attempt runs or is paused.');
    const note = await writeNote(attempt.gateway.db, attempt.id, text, kind);
    attempt.browsers.broadcast({ t: 'note', n: note.n, kind, text, elapsedMs: note.elapsedMs, atMs: note.at.getTime() });
    return { n: note.n };
  },
  notes: async (attempt) => {
    const notes = await listNotes(attempt.gateway.db, attempt.id);
    return {
      notes: notes.map(({ n, kind, text, elapsedMs, at }) => ({
        n,
        kind: kind === 'ai_use' ? 'ai_use' : 'note',
        text,
        elapsedMs,
        atMs: at.getTime(),
      })),
    };
  },
  seal: async (attempt, { minutes, reason }, { userId, via }) => {
    // A program in the sandbox must not be able to hide what it did.
    if (via !== 'browser') throw new AppError('forbidden', 'Seal the last minutes in the browser.');
    // A seal that is refused forgets nothing.
    await assertMaySeal(attempt.gateway.db, attempt.id, minutes);
    // What has scrolled off the screens would be recorded again with the next keyframe. Before the seal, whose stretch then has the last one.
    await attempt.runner?.call('scrollback.drop', {}, DROP_SCROLLBACK_TIMEOUT_MS).catch(() => {});
    const sealed = await sealLastMinutes(attempt.gateway.db, attempt.id, { minutes, reason, userId });
    // After the seal, so that all of its stretch is in what the host forgets. What a full file had, it forgets in time all the same.
    attempt.runner?.call('journal.forget', {}, DROP_SCROLLBACK_TIMEOUT_MS).catch(() => {});
    void attempt.recorder?.takeOutbox();
    // What the runner forgot stands in the pages that are open until they draw its screens anew.
    attempt.browsers.restoreAll();
    attempt.browsers.broadcast({ t: 'sealed' });
    return sealed;
  },
  report: async (attempt, { text }) => {
    const { n } = await writeMessage(attempt.gateway.db, attempt.id, { author: 'participant', name: 'Participant', text });
    await attempt.showNewMessages();
    return { n };
  },
  messages: async (attempt) => ({ messages: (await listMessages(attempt.gateway.db, attempt.id)).map(messageView) }),
  pause: (attempt, { reason, note, resumeAtMs }, { userId }) => {
    if (!(PARTICIPANT_PAUSE_REASONS as readonly PauseReason[]).includes(reason)) {
      throw new AppError('forbidden', 'Only the platform and its staff pause for that reason.');
    }
    return pauseAttempt(attempt, { reason, note, resumeAtMs, by: userId });
  },
  resume: async (attempt, _args, { userId, via }) => {
    // Only a deliberate click resumes, and no process of a paused sandbox can be the one that asks.
    if (via !== 'browser') throw new AppError('forbidden', 'Resume in the browser.');
    return attempt.clock.turn.take(async () => {
      const { state, events, ownerUserId } = attempt.view;
      if (openStaffPause(state, events, ownerUserId) !== null) {
        throw new AppError('forbidden', 'Staff paused this attempt, and resume it. The clock stands still until then.');
      }
      if (openHibernation(events) !== null && !attempt.sandboxReady) {
        throw new AppError('sandbox_unavailable', 'Your machine is not back yet. The clock stands still until it is and you resume.');
      }
      await appendClockEvent(attempt.gateway.db, attempt.id, { kind: 'resumed' }, { by: userId });
      await attempt.refresh();
      await thawed(attempt);
      return attempt.clock.status();
    });
  },
  wake: async (attempt, _args, { userId, via }) => {
    if (via !== 'browser') throw new AppError('forbidden', 'Ask for your machine in the browser.');
    await appendClockEvent(attempt.gateway.db, attempt.id, { kind: 'woken' }, { by: userId });
    await attempt.refresh();
    return attempt.clock.status();
  },
  'document.open': async (attempt, { tab, path, want, followed }) => {
    assertRunning(attempt);
    return attempt.documents.open(tab, path, want, followed);
  },
  'document.keep': async (attempt, { tab, path, text, baseHash }) => ({ kept: attempt.documents.keep(tab, path, text, baseHash) }),
  'document.close': async (attempt, { tab, path }) => {
    attempt.documents.close(tab, path);
    return {};
  },
  'document.unsaved': async (attempt) => ({ documents: attempt.documents.unsaved() }),
  'port.open': (attempt, args, requester) => openPort(attempt, args, requester),
  submit: async (attempt, _args, { userId }) => {
    await appendClockEvent(attempt.gateway.db, attempt.id, { kind: 'submitted' }, { by: userId });
    await attempt.refresh();
    return {};
  },
};

/**
 * Does one act for somebody. `args` come from a browser or a sandbox and are checked here.
 *
 * @throws AppError `invalid_input` for an unknown act or wrong arguments, `forbidden` for one that the requester may not do,
 *   `clock_not_running` where the clock must run, `sandbox_unavailable` while the sandbox is away.
 */
export async function perform(attempt: LiveAttempt, act: string, args: unknown, requester: Requester): Promise<unknown> {
  if (!Object.hasOwn(REQUESTS, act)) throw new AppError('invalid_input', `There is no act "${act.slice(0, 60)}". Reload the page.`);
  const known = act as RequestAct;
  const taskActs: readonly string[] = TASK_COMMAND_ACTS;
  if (requester.via === 'task' && !taskActs.includes(known)) {
    throw new AppError('forbidden', `"${act}" is not open to the task command.`);
  }
  const parsed = REQUESTS[known].args.safeParse(args ?? {});
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw new AppError('invalid_input', `${act}: ${issue?.path.join('.') || 'arguments'}: ${issue?.message ?? 'not valid'}.`);
  }
  if (Object.hasOwn(SANDBOX_REQUESTS, known)) {
    assertRunning(attempt, known === 'sandbox.processes' || known === 'terminal.resize');
    return runnerOf(attempt).call(known as CallAct, parsed.data as never, CALL_LIMITS_MS[known]);
  }
  const handler = HANDLERS[known as keyof typeof HANDLERS] as Handler<RequestAct>;
  return handler(attempt, parsed.data as never, requester);
}

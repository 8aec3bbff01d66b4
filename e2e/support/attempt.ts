import { setTimeout as sleep } from 'node:timers/promises';
import { agree } from './agreement.ts';
import type { Session } from './session.ts';

interface AssignmentRow {
  assignmentId: string;
  title: string;
  attempt: { attemptId: string; state: string } | null;
}

/** Polls until the answer is there; the message names what did not come. */
export async function until<T>(
  what: string,
  ask: () => Promise<T | null | undefined | false> | T | null | undefined | false,
  limitMs = 60_000,
): Promise<T> {
  const deadline = performance.now() + limitMs;
  let lastError: unknown;
  while (performance.now() < deadline) {
    try {
      const answer = await ask();
      if (answer !== null && answer !== undefined && answer !== false) return answer;
    } catch (error) {
      lastError = error;
    }
    await sleep(50);
  }
  throw new Error(`${what} did not happen within ${limitMs / 1000} s${lastError === undefined ? '' : `: ${String(lastError)}`}`);
}

/** Opens the assignment whose title matches, agrees to its study's agreement, and has its sandbox prepared. */
export async function prepareAttempt(session: Session, title: RegExp): Promise<string> {
  const assignments = await session.query<AssignmentRow[]>('assignment.mine');
  const assignment = assignments.find((candidate) => title.test(candidate.title));
  if (assignment === undefined) throw new Error(`no assignment matches ${title}: ${assignments.map((row) => row.title).join(', ')}`);
  const { attemptId } = await session.mutate<{ attemptId: string }>('assignment.open', { assignmentId: assignment.assignmentId });
  await agree(session, attemptId);
  await session.mutate('attempt.prepare', { attemptId });
  const outcome = await until(
    'the end of provisioning',
    async () => {
      const { state, progress } = await session.query<{ state: string; progress: string | null }>('attempt.progress', { attemptId });
      return state === 'provisioning' ? null : { state, progress };
    },
    240_000,
  );
  if (outcome.state !== 'ready') throw new Error(`provisioning failed: ${outcome.progress}`);
  return attemptId;
}

/** The same, with the clock started. */
export async function startAttempt(session: Session, title: RegExp): Promise<string> {
  const attemptId = await prepareAttempt(session, title);
  await session.mutate('attempt.start', { attemptId });
  return attemptId;
}

import {
  answerSurvey,
  appendClockEvent,
  claimEpoch,
  type Database,
  type EpochClaim,
  finishScore,
  moveAttempt,
  requestScore,
  storeScoreDetails,
} from '@plumbline/database';
import type { EventInput } from '@plumbline/protocol';
import { AttemptRecorder, type RecordingKeys } from '@plumbline/recording';
import type { ObjectStore } from '@plumbline/storage';
import { exampleSettings, makeAttempt, makeUser } from '@plumbline/testing';

export const SETTINGS = exampleSettings({
  startingScore: 10,
  referenceScore: 2,
  direction: 'lower',
  scoreUnit: 'ln(ms)',
  cleanRescores: 2,
});
const HASH = 'ab'.repeat(32);

export interface Platform {
  db: Database;
  store: ObjectStore;
  keys: RecordingKeys;
}

/** An attempt as the gateway would leave it: scored twice, paused once, submitted, re-scored, recorded in three segments. `typed: false`: without anything that an export withholds. */
export async function finishedAttempt(
  { db, store, keys }: Platform,
  { expert, typed = true }: { expert?: Awaited<ReturnType<typeof makeUser>>; typed?: boolean } = {},
): Promise<string> {
  const fixture = await makeAttempt(db, { expert, environmentSettings: SETTINGS });
  const { id } = fixture.attempt;
  // What people do to the clock is withheld, too.
  const by = { by: typed ? fixture.expert.id : null };
  await db.prisma.attempt.update({ where: { id }, data: { state: 'ready', isolation: 'bubblewrap' } });
  const claim = (await claimEpoch(db, id, null)) as EpochClaim;
  const ignore = () => {};
  const recorder = await AttemptRecorder.open({
    db,
    store,
    keys,
    attemptId: id,
    claim,
    nowMs: () => Date.now(),
    onDurable: ignore,
    onStalled: ignore,
    onStale: ignore,
  });
  let n = 0;
  const fromRunner = (event: Omit<EventInput, 'atMs'>) => recorder.offer('runner:a', ++n, { ...event, atMs: Date.now() } as EventInput);
  const score = async (trigger: 'participant' | 'final' | 'clean', value: number | null, ofScoreId?: string) => {
    const row = await requestScore(db, id, trigger, ofScoreId === undefined ? {} : { ofScoreId });
    const status = value === null ? 'nan' : 'scored';
    await finishScore(db, id, { scoreId: row.id, status, score: value, message: { correct: value !== null }, durationMs: 5 });
    await storeScoreDetails(db, id, {
      scoreId: row.id,
      details: { ms: value },
      output: 'scorer output',
      scorerHash: HASH,
      hashBefore: HASH,
      hashAfter: HASH,
    });
    fromRunner({
      type: 'score.finished',
      stream: 0,
      data: { scoreId: row.id, n: row.n, trigger, status, score: value, message: null, durationMs: 5 },
    });
    return row.id;
  };
  fromRunner({ type: 'terminal.opened', stream: 1, data: { cols: 80, rows: 24, term: 'xterm-256color', shell: '/bin/bash' } });
  await appendClockEvent(db, id, { kind: 'started' }, by);
  if (typed) fromRunner({ type: 'terminal.input', stream: 1, data: { tab: 't', n: 1, bytes: Buffer.from('what was typed\r') } });
  const smile = Buffer.from('smile 🙂\r\n');
  fromRunner({ type: 'terminal.output', stream: 1, data: { offset: 0, bytes: smile.subarray(0, 8) } });
  fromRunner({ type: 'terminal.output', stream: 1, data: { offset: 8, bytes: smile.subarray(8) } });
  const gitconfig = { path: '.gitconfig', size: 9, hash: HASH, text: 'email = address-of-the-expert' };
  if (typed) fromRunner({ type: 'setup.applied', stream: 0, data: { hash: HASH, keymap: 'vim', files: [gitconfig], omitted: [] } });
  for (const target of [...(typed ? ['terminal:1'] : []), 'editor:a.py']) {
    fromRunner({ type: 'clipboard.paste', stream: 0, data: { tab: 't', target, length: target.length, hash: HASH } });
  }
  await recorder.seal();
  await score('participant', 6);
  await score('participant', null);
  if (typed) {
    const staff = await makeUser(db, 'admin', { name: 'Name Of The Staff' });
    await appendClockEvent(db, id, { kind: 'adjusted', creditMs: 1_000, reason: 'words of the staff' }, { by: staff.id });
  }
  await appendClockEvent(db, id, { kind: 'paused', reason: 'break', ...(typed ? { note: 'words of the expert' } : {}) }, by);
  await appendClockEvent(db, id, { kind: 'resumed' }, by);
  await recorder.takeOutbox();
  await recorder.seal();
  const best = await score('participant', 4);
  await appendClockEvent(db, id, { kind: 'submitted' }, by);
  await score('final', 5);
  await score('clean', 4, best);
  await score('clean', 4.2, best);
  fromRunner({ type: 'terminal.closed', stream: 1, data: { exitCode: 0, signal: null } });
  await recorder.finish();
  await moveAttempt(db, id, 'completed', {});
  if (expert !== undefined)
    await answerSurvey(db, id, { expectation: 'as_expected', difficulty: 3, problems: 'None.', offClockMinutes: 15 });
  return id;
}

import { expect, it } from 'vitest';
import { AbsencePause } from './absencePause.ts';
import type { LiveAttempt } from './liveAttempt.ts';
import { Turn } from './turn.ts';

const MINUTE_MS = 60_000;

/** An attempt without a page whose sandbox does nothing while its score runs, looked at once a minute. */
function scoredAlone() {
  const asked: string[] = [];
  const browsers = { size: 0 };
  let nowMs = 0;
  let ended = () => {};
  let score: Promise<void> | null = new Promise<void>((resolve) => {
    ended = resolve;
  });
  const attempt = {
    id: 'attempt',
    view: { state: 'running', events: [], ownerUserId: 'expert' },
    gateway: { time: { nowMs: () => nowMs } },
    browsers,
    scoring: { isRunning: async () => score !== null, settled: async () => score },
    clock: { turn: new Turn(), beginPause: () => {}, pauseFailed: () => {} },
    runner: {
      call: async (act: string) => {
        asked.push(act);
        if (act === 'freeze') throw new Error('it is enough that it was asked');
        return { processes: [] };
      },
    },
  } as unknown as LiveAttempt;
  const pause = new AbsencePause();
  const looks: Promise<void>[] = [];
  const look = async (minutes: number) => {
    for (let n = 0; n < minutes; n += 1) {
      looks.push(pause.look(attempt).catch(() => {}));
      // What a look asks is answered by then; what waits for the score waits on.
      await new Promise(setImmediate);
      nowMs += MINUTE_MS;
    }
  };
  const endScore = async () => {
    score = null;
    ended();
    await new Promise(setImmediate);
  };
  return { look, endScore, browsers, wasFrozen: () => asked.includes('freeze') };
}

it('lets whoever is back by the end of a score that ran while they were away work on', async () => {
  const { look, endScore, browsers, wasFrozen } = scoredAlone();
  await look(45);
  browsers.size = 1;
  await look(1);
  await endScore();
  await look(10);
  expect(wasFrozen()).toBe(false);
});

it('pauses for whoever is still away when a score has ended', async () => {
  const { look, endScore, wasFrozen } = scoredAlone();
  await look(45);
  expect(wasFrozen()).toBe(false);
  await endScore();
  await look(1);
  expect(wasFrozen()).toBe(true);
});

import {
  appendClockEvent,
  cancelScore,
  findLiveLease,
  finishScore,
  listScores,
  loadAttempt,
  requestScore,
  type ScoreRecord,
  scoreAgain,
  startAttempt,
} from '@plumbline/database';
import { exampleSettings, makeAttempt, type TestDatabase, testDatabase } from '@plumbline/testing';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Finalisation } from './finalisation.ts';
import type { LiveAttempt } from './liveAttempt.ts';

/** The end of an attempt with a real database; the runner answers, and scores come to, what a test says. */

let testing: TestDatabase;
beforeAll(async () => {
  testing = await testDatabase();
});
afterAll(() => testing.drop());

type Outcome = 'scored' | 'cancelled';
/** That it cannot be begun, and that not even this could be written down. */
type Fault = 'refused' | 'lost';

/** What an attempt meets at its end. */
interface World {
  /** How a score of the platform's ends, or that it cannot be begun. */
  outcome: (row: ScoreRecord, earlier: number) => Outcome | Fault;
  /** What goes wrong in a runner's call, or at the seal. */
  fault: (act: string, earlier: number) => Promise<string | null>;
}

class EndingAttempt {
  readonly id: string;
  readonly calls: string[] = [];
  readonly #world: World;
  readonly #taken = new Map<string, number>();

  private constructor(id: string, world: World) {
    this.id = id;
    this.#world = world;
  }

  static async submitted(world: Partial<World> = {}): Promise<EndingAttempt> {
    const { db } = testing;
    const { attempt, expert } = await makeAttempt(db, { environmentSettings: exampleSettings({ cleanRescores: 2 }) });
    const { id } = attempt;
    await db.prisma.attempt.update({ where: { id }, data: { state: 'ready', readyAt: new Date() } });
    await startAttempt(db, id, expert.id);
    const row = await requestScore(db, id, 'participant');
    await finishScore(db, id, { scoreId: row.id, status: 'scored', score: 1.5, message: {}, durationMs: 1 });
    await db.prisma.score.update({ where: { id: row.id }, data: { submissionHash: 'captured' } });
    await appendClockEvent(db, id, { kind: 'submitted' }, { by: expert.id });
    return new EndingAttempt(id, { outcome: () => 'scored', fault: async () => null, ...world });
  }

  /** The attempt as a gateway serves it that its runner has just dialled. */
  async attach(
    retryAfterMs: readonly number[] = [1, 1, 1],
    made = true,
  ): Promise<{ change: () => Promise<void>; leave: () => void; reattach: () => Promise<void>; make: () => Promise<void> }> {
    const { db } = testing;
    const act = async (name: string) => {
      this.calls.push(name);
      const words = await this.#world.fault(name, this.#count(name));
      if (words !== null) throw new Error(words);
    };
    const live = {
      id: this.id,
      view: await loadAttempt(db, this.id),
      gateway: { db, log: pino({ level: 'silent' }) },
      runner: { call: act } as object | null,
      sandboxMade: made,
      recorder: { takeOutbox: async () => {}, finish: () => act('seal') },
      scoring: {
        progress: null,
        start: (score: ScoreRecord) => this.#score(score),
        cancelLost: async () => {
          if ((await listScores(db, this.id)).every(({ status }) => status !== 'running')) return;
          await act('cancel');
          await cancelScore(db, this.id, 'The sandbox was lost while the scorer ran.');
        },
      },
      refresh: async () => {
        live.view = await loadAttempt(db, this.id);
        finalisation.advance();
      },
    };
    const finalisation = new Finalisation(live as unknown as LiveAttempt, retryAfterMs);
    await live.refresh();
    return {
      change: live.refresh,
      leave: () => {
        live.runner = null;
      },
      reattach: () => {
        live.runner = { call: act };
        return live.refresh();
      },
      make: () => {
        live.sandboxMade = true;
        return live.refresh();
      },
    };
  }

  #count(name: string): number {
    const earlier = this.#taken.get(name) ?? 0;
    this.#taken.set(name, earlier + 1);
    return earlier;
  }

  async #score(score: ScoreRecord): Promise<void> {
    this.calls.push('score');
    const outcome = this.#world.outcome(score, this.#count(score.trigger));
    if (outcome === 'lost') throw new Error('Connection terminated unexpectedly');
    const status = outcome === 'scored' ? 'scored' : 'cancelled';
    const message = status === 'scored' ? {} : { reason: 'There is no space left on the disk.' };
    const { db } = testing;
    await finishScore(db, this.id, { scoreId: score.id, status, score: status === 'scored' ? 1 : null, message, durationMs: 1 });
    if (outcome === 'refused') throw new Error('Another score is running.');
  }

  async state(): Promise<string> {
    return (await loadAttempt(testing.db, this.id)).state;
  }

  async completed(): Promise<void> {
    await expect.poll(() => this.state()).toBe('completed');
  }

  async progress(): Promise<string | null> {
    return (await loadAttempt(testing.db, this.id)).progress;
  }

  /** All scores but the participant's own. */
  async rows(): Promise<string[]> {
    return (await listScores(testing.db, this.id)).slice(1).map((score) => `${score.trigger} ${score.status}`);
  }
}

const onClean = (outcome: Outcome | Fault) => (row: ScoreRecord) => (row.trigger === 'clean' ? outcome : 'scored');

test.each(['cancelled', 'refused'] as const)('an attempt whose re-scores are %s is completed after four tries', async (outcome) => {
  const attempt = await EndingAttempt.submitted({ outcome: onClean(outcome) });
  await attempt.attach();
  await attempt.completed();
  expect(await attempt.rows()).toEqual(['final scored', ...Array(4).fill('clean cancelled')]);
});

test('a score that could neither be begun nor closed is closed once that works, and taken again', async () => {
  const attempt = await EndingAttempt.submitted({
    outcome: (_row, earlier) => (earlier === 0 ? 'lost' : 'scored'),
    fault: async (act, earlier) => (act === 'cancel' && earlier === 0 ? 'The database is away.' : null),
  });
  await attempt.attach();
  await attempt.completed();
  expect(await attempt.rows()).toEqual(['final cancelled', 'final scored', 'clean cancelled', 'clean scored', 'clean scored']);
});

test('a score that fails in passing is taken again, and the family tears down after the last', async () => {
  const attempt = await EndingAttempt.submitted({ outcome: (_row, earlier) => (earlier === 0 ? 'cancelled' : 'scored') });
  await attempt.attach();
  await attempt.completed();
  expect(await attempt.rows()).toEqual(['final cancelled', 'final scored', 'clean cancelled', 'clean scored', 'clean scored']);
  expect(attempt.calls).toEqual(['finalise', ...Array(5).fill('score'), 'teardown', 'seal']);
  expect(await attempt.progress()).toBeNull();
});

test('what could not be scored is scored again when staff ask for it, with four tries anew, on a machine of its own', async () => {
  let outcome: Outcome = 'cancelled';
  const attempt = await EndingAttempt.submitted({ outcome: (row) => onClean(outcome)(row) });
  await attempt.attach();
  await attempt.completed();
  const by = (await testing.db.prisma.user.create({ data: { email: attempt.id, name: 'R', role: 'reviewer', passwordHash: '!' } })).id;
  await scoreAgain(testing.db, attempt.id, { by });
  expect(await findLiveLease(testing.db, attempt.id)).toMatchObject({ state: 'queued' });
  await attempt.attach();
  await attempt.completed();
  expect(await attempt.rows()).toEqual(['final scored', ...Array(8).fill('clean cancelled')]);
  outcome = 'scored';
  await scoreAgain(testing.db, attempt.id, { by });
  await attempt.attach();
  await attempt.completed();
  expect((await attempt.rows()).slice(9)).toEqual(['clean scored', 'clean scored']);
  expect(await findLiveLease(testing.db, attempt.id)).toBeNull();
});

test('a sandbox whose participant cannot be ended is done without after four tries, and staff are told', async () => {
  const attempt = await EndingAttempt.submitted({ fault: async (act) => (act === 'finalise' ? 'The engine does not answer.' : null) });
  await attempt.attach();
  await attempt.completed();
  expect(attempt.calls.filter((call) => call === 'finalise')).toHaveLength(4);
  expect(await attempt.rows()).toEqual(['final scored', 'clean scored', 'clean scored']);
  expect(await attempt.progress()).toContain('the last snapshot may be missing');
});

test('a sandbox whose participant was ended at the second try is no longer told of', async () => {
  const told: (string | null)[] = [];
  const attempt = await EndingAttempt.submitted({
    fault: async (act, earlier) => {
      if (act !== 'finalise' || earlier > 0) told.push(await attempt.progress());
      return act === 'finalise' && earlier === 0 ? 'The engine does not answer.' : null;
    },
  });
  await attempt.attach();
  await attempt.completed();
  expect(told[0]).toContain('could not be ended yet');
  expect(told.slice(1)).toEqual([null, null]);
});

test('what holds up the seal is told to staff, and forgotten once it works', async () => {
  let told: string | null = null;
  const attempt = await EndingAttempt.submitted({
    fault: async (act, earlier) => {
      if (act !== 'seal') return null;
      if (earlier === 2) told = await attempt.progress();
      return earlier < 2 ? 'The store is away.' : null;
    },
  });
  await attempt.attach();
  await attempt.completed();
  expect(told).toContain('could not be finished yet');
  expect(attempt.calls.filter((call) => call === 'seal')).toHaveLength(3);
  expect(await attempt.progress()).toBeNull();
});

test('what failed waits for its next try whatever else changes, and goes on at once with a sandbox that comes anew', async () => {
  const attempt = await EndingAttempt.submitted({
    fault: async (act, earlier) => (act === 'seal' && earlier === 0 ? 'The link is slow.' : null),
  });
  const { change, reattach } = await attempt.attach([600_000]);
  await expect.poll(() => attempt.progress()).not.toBeNull();
  for (let changes = 0; changes < 5; changes += 1) await change();
  // A try would have come further than this by then.
  for (let reads = 0; reads < 5; reads += 1) await attempt.rows();
  expect(attempt.calls.filter((call) => call === 'finalise')).toHaveLength(1);
  await reattach();
  await attempt.completed();
});

test('a sandbox that is still being made uses up none of the tries, however long that takes', async () => {
  const attempt = await EndingAttempt.submitted();
  const { change, make } = await attempt.attach([1, 1, 1], false);
  for (let changes = 0; changes < 5; changes += 1) await change();
  // A try would have come further than this by then.
  for (let reads = 0; reads < 5; reads += 1) await attempt.rows();
  expect(attempt.calls).toEqual([]);
  await make();
  await attempt.completed();
});

test('a sandbox that leaves meanwhile is no failure', async () => {
  const attempt = await EndingAttempt.submitted({
    fault: async (act, earlier) => {
      if (act !== 'seal' || earlier > 0) return null;
      leave();
      return 'The link broke.';
    },
  });
  const { leave, reattach } = await attempt.attach([600_000]);
  await expect.poll(() => attempt.calls.includes('seal')).toBe(true);
  await reattach();
  await attempt.completed();
  expect(await attempt.progress()).toBeNull();
});

import { createSession, listScores, loadAttempt, mintTicket } from '@plumbline/database';
import { makeUser } from '@plumbline/testing';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { GatewayRig, type RiggedRunner } from './gateway.fixture.ts';

/** The expert at two tabs and staff, who all do something to one clock at the same moment. */

let rig: GatewayRig;
let staff: { userId: string; sessionId: string };
beforeAll(async () => {
  rig = await GatewayRig.start();
  const { id } = await makeUser(rig.db, 'admin');
  staff = { userId: id, sessionId: await createSession(rig.db, id) };
});
afterAll(() => rig.stop());

const events = async (attemptId: string) => (await loadAttempt(rig.db, attemptId)).events;
const kinds = async (attemptId: string) => (await events(attemptId)).map(({ kind }) => kind);

/** Does as a runner does: the participant runs while nothing holds it, and the scorer until it is cancelled. */
class ObedientRunner {
  /** What it was that the participant still ran at, though the clock stood. */
  readonly ranOffTheClock: string[] = [];
  readonly #runner: RiggedRunner;
  readonly #holds = new Set<string>();
  readonly #answersLate: readonly number[];
  #answered = 0;
  #clockStands = false;
  #scoring: { scoreId: string; n: number } | null = null;
  #said = 0;

  /** `answersLate`: after so many turns of the event loop it answers, call by call. */
  constructor(runner: RiggedRunner, answersLate: readonly number[] = []) {
    this.#runner = runner;
    this.#answersLate = answersLate;
    runner.socket.on('message', (data, isBinary) => {
      if (!isBinary) this.#told(JSON.parse(String(data)));
    });
  }

  #told(message: { t: string; id?: string; act?: string; state?: string; args?: { scoreId: string; n: number } }): void {
    if (message.t === 'clock') {
      this.#clockStands = message.state === 'frozen';
      this.#look(`the clock was told to be ${message.state}`);
      this.#holds.delete('pausing');
    }
    if (message.t !== 'call') return;
    if (message.act === 'freeze') this.#holds.add('pausing');
    if (message.act === 'thaw') this.#holds.delete('pausing');
    if (message.act === 'score' && message.args !== undefined) this.#scoring = message.args;
    const answer = () => {
      const result =
        message.act === 'score.current'
          ? { scoreId: this.#scoring?.scoreId ?? null, lastN: this.#said }
          : { method: 'signals', processes: [] };
      this.#runner.send({ t: 'answer', id: message.id ?? '', result });
      if (message.act === 'score.cancel') this.#cancel();
    };
    this.#later(this.#answersLate[this.#answered++ % Math.max(1, this.#answersLate.length)] ?? 0, answer);
  }

  #later(turns: number, work: () => void): void {
    if (turns <= 0) work();
    else setImmediate(() => this.#later(turns - 1, work));
  }

  /** A clock that stands tells who stands already: what ran until then ran for nothing. */
  #look(at: string): void {
    if (this.#clockStands && this.#holds.size === 0) this.ranOffTheClock.push(at);
  }

  #cancel(): void {
    if (this.#scoring === null) return;
    const { scoreId, n } = this.#scoring;
    this.#scoring = null;
    this.#said += 1;
    const data = { scoreId, n, trigger: 'participant', status: 'cancelled', score: null, message: {}, durationMs: 1 };
    this.#runner.send({ t: 'event', n: this.#said, atMs: this.#said, type: 'score.finished', stream: 0, data });
  }
}

async function working(answersLate?: readonly number[]) {
  const attempt = await rig.attempt();
  const runner = new ObedientRunner(await rig.runner(attempt.attemptId), answersLate);
  const tabs = [await rig.tab(attempt), await rig.tab(attempt)];
  let asked = 0;
  const ask = async (at: number, act: 'pause' | 'resume' | 'score' | 'scores', args: object = {}) => {
    const id = `ask-${asked++}`;
    const tab = tabs[at % tabs.length] as (typeof tabs)[number];
    tab.send({ t: 'request', id, act, args });
    const { error } = await tab.next('reply', (reply) => reply.id === id);
    return error?.code ?? 'done';
  };
  const staffPause = async () => {
    const { attemptId } = attempt;
    const { ticket } = await mintTicket(rig.db, { ...staff, attemptId, purpose: 'pause' });
    const response = await fetch(`${rig.http.url}/realtime/pause`, { method: 'POST', body: JSON.stringify({ ticket, reason: 'A disk' }) });
    return response.ok ? 'done' : ((await response.json()) as { code: string; message: string });
  };
  return { ...attempt, runner, ask, staffPause };
}

describe('at the same moment', () => {
  it('the pauses of the expert and of staff are one: who comes second is told who was first, and nothing runs in between', async () => {
    const { attemptId, userId, runner, ask, staffPause } = await working([3]);
    const [own, theirs] = await Promise.all([ask(0, 'pause', { reason: 'break' }), staffPause()]);
    const paused = (await events(attemptId)).filter(({ kind }) => kind === 'paused');
    expect(paused).toHaveLength(1);
    if (paused[0]?.by === userId) {
      expect(own).toBe('done');
      expect(theirs).toMatchObject({ code: 'clock_not_running', message: expect.stringContaining('not by staff') });
    } else expect([own, theirs]).toEqual(['clock_not_running', 'done']);
    expect(runner.ranOffTheClock).toEqual([]);
  });

  it('a score is asked for and staff pause: no score runs in the pause, whichever comes first', async () => {
    const { attemptId, runner, ask, staffPause } = await working([2]);
    const answers = await Promise.all([
      staffPause(),
      ...[0, 1, 2, 3].map(async (n) => {
        for (let waits = 0; waits < 2 * n; waits++) await ask(0, 'scores');
        return ask(n, 'score');
      }),
    ]);
    expect(answers[0]).toBe('done');
    for (const answer of answers.slice(1)) expect(['done', 'clock_not_running', 'conflict']).toContain(answer);
    expect(await kinds(attemptId)).toEqual(['started', 'paused']);
    expect((await listScores(rig.db, attemptId)).filter(({ status }) => status !== 'cancelled')).toEqual([]);
    expect(runner.ranOffTheClock).toEqual([]);
  });

  it('whatever is asked in whatever order, each is told what came of it, and the participant runs if and only if the clock does', async () => {
    const act = fc.constantFrom('pause' as const, 'resume' as const, 'score' as const, 'staff' as const);
    const schedule = fc.array(fc.record({ act, tab: fc.nat(1), after: fc.nat(3) }), { minLength: 2, maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(schedule, fc.array(fc.nat(4), { minLength: 1, maxLength: 5 }), async (asked, answersLate) => {
        const { attemptId, userId, runner, ask, staffPause } = await working(answersLate);
        const outcomes = await Promise.all(
          asked.map(async ({ act, tab, after }) => {
            for (let n = 0; n < after; n++) await ask(tab, 'scores');
            if (act === 'staff') return { act, done: (await staffPause()) === 'done' };
            // Its own pause waits for a score, which here nobody but staff ends.
            if (act === 'score' && asked.some((one) => one.act === 'pause')) return { act, done: false };
            return { act, done: (await ask(tab, act, act === 'pause' ? { reason: 'break' } : {})) === 'done' };
          }),
        );
        const told = await events(attemptId);
        const ofKind = (kind: string, byStaff: boolean) => told.filter((event) => event.kind === kind && (event.by === userId) !== byStaff);
        const done = (act: string) => outcomes.filter((one) => one.act === act && one.done);
        expect(ofKind('paused', false)).toHaveLength(done('pause').length);
        expect(ofKind('paused', true)).toHaveLength(done('staff').length);
        expect(ofKind('resumed', false)).toHaveLength(done('resume').length);
        expect(told.map(({ kind }) => kind)).toEqual(told.map((_, n) => (n === 0 ? 'started' : n % 2 === 1 ? 'paused' : 'resumed')));
        expect(runner.ranOffTheClock).toEqual([]);
        const isPaused = told.length % 2 === 0;
        const running = (await listScores(rig.db, attemptId)).filter(({ status }) => status === 'running');
        expect(isPaused ? running : []).toEqual([]);
      }),
      { numRuns: 25 },
    );
  });
});

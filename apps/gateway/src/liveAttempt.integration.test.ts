import { loadAttempt, moveAttempt } from '@plumbline/database';
import type { RecordedEvent } from '@plumbline/protocol';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { GatewayRig } from './gateway.fixture.ts';

let rig: GatewayRig;
beforeAll(async () => {
  rig = await GatewayRig.start();
});
afterAll(() => rig.stop());

/** What is recorded of a tab: the numbers of its events, and of gaps from where to where. */
const ofTab = (events: readonly RecordedEvent[], tab: string) =>
  events.flatMap((event): (number | string)[] => {
    if (event.type === 'editor.changed' && event.data.tab === tab) return [event.data.version];
    if (event.type === 'connection.gap' && event.data.source === `tab:${tab}`) return [`${event.data.from}-${event.data.to}`];
    return [];
  });

describe('the events of a tab', () => {
  it('go on after those that a browser without a database lost with its page, and a gap stands in their place', async () => {
    const attempt = await rig.attempt();
    await rig.runner(attempt.attemptId);
    const page = await rig.tab(attempt);
    page.says(1, 2, 3);
    await page.durable(3);
    page.socket.terminate();

    const reloaded = await rig.tab(attempt, { tab: page.id, firstEventN: 6 });
    reloaded.says(6, 7);
    await reloaded.durable(7);
    const events = await rig.recorded(attempt.attemptId);
    expect(ofTab(events, page.id)).toEqual([1, 2, 3, '4-5', 6, 7]);
    const resumed = events.flatMap((event) => (event.type === 'connection.resumed' ? [event.data] : []));
    expect(resumed).toEqual([{ tab: page.id, resentFrom: 6 }]);
  });

  it('go on after a hole among those that the page holds, and after its last', async () => {
    const attempt = await rig.attempt();
    await rig.runner(attempt.attemptId);
    const tab = await rig.tab(attempt);
    tab.says(1, 2, 5, 9);
    await tab.durable(9);
    expect(ofTab(await rig.recorded(attempt.attemptId), tab.id)).toEqual([1, 2, '3-4', 5, '6-8', 9]);
  });

  it('are not taken for lost while they are to come again: those said to a gateway that had nobody to record them', async () => {
    const attempt = await rig.attempt();
    const tab = await rig.tab(attempt);
    tab.says(1, 2);
    const runner = await rig.runner(attempt.attemptId, { phase: 'starting' });
    await runner.next('clock');
    // On its way, while the page does not know yet that it has to begin again.
    tab.says(3);
    runner.ready();
    await tab.next('sandbox', ({ state }) => state === 'attached');
    tab.says(1, 2, 3, 4);
    await tab.durable(4);
    expect(ofTab(await rig.recorded(attempt.attemptId), tab.id)).toEqual([1, 2, 3, 4]);
  });

  it('go on where the page that lost them came before there was anybody to record it', async () => {
    const attempt = await rig.attempt();
    const tab = await rig.tab(attempt, { firstEventN: 4 });
    await rig.runner(attempt.attemptId);
    await tab.next('sandbox', ({ state }) => state === 'attached');
    tab.says(4, 5);
    await tab.durable(5);
    expect(ofTab(await rig.recorded(attempt.attemptId), tab.id)).toEqual(['1-3', 4, 5]);
  });
});

describe('a tab that was away for long', () => {
  it('sends at once all that it kept, and stays: it is read as fast as a tab may be, and recorded once and in order', async () => {
    const attempt = await rig.attempt();
    await rig.runner(attempt.attemptId);
    const tab = await rig.tab(attempt);
    const numbers = Array.from({ length: 6_000 }, (_, i) => i + 1);
    const beganMs = performance.now();
    tab.says(...numbers);
    await tab.durable(numbers.length);
    expect(performance.now() - beganMs).toBeGreaterThan(1_000);
    expect(ofTab(await rig.recorded(attempt.attemptId), tab.id)).toEqual(numbers);
    expect(tab.socket.readyState).toBe(tab.socket.OPEN);
  });
});

describe('a tab that comes back', () => {
  it('has what it kept dated to when it happened, and not to its return', async () => {
    const attempt = await rig.attempt();
    await rig.db.pool.query(`UPDATE attempt SET created_at = clock_timestamp() - interval '1 hour' WHERE id = $1`, [attempt.attemptId]);
    await rig.runner(attempt.attemptId);
    // It says its first event at 1 ms of its own clock, ten minutes before.
    const tab = await rig.tab(attempt, { monoMs: 600_001 });
    tab.says(1);
    await tab.durable(1);
    const [event] = (await rig.recorded(attempt.attemptId)).filter(({ type }) => type === 'editor.changed');
    const agoMs = Date.now() - (event?.atMs ?? 0);
    expect(agoMs).toBeGreaterThan(595_000);
    expect(agoMs).toBeLessThan(660_000);
  });
});

describe('the last minutes of a recording', () => {
  const seal = (minutes: number, reason = 'a password of my own') => ({
    t: 'request' as const,
    id: `${minutes} ${reason}`,
    act: 'seal',
    args: { minutes, reason },
  });

  it('are sealed for the participant who asks in the browser, within what is allowed, and for no program of the sandbox', async () => {
    const attempt = await rig.attempt();
    const runner = await rig.runner(attempt.attemptId);
    const tab = await rig.tab(attempt);
    for (const [minutes, reason] of [
      [11, 'too long'],
      [0, 'nothing'],
      [1, ' '],
    ] as const) {
      tab.send(seal(minutes, reason));
      expect((await tab.next('reply', ({ id }) => id === `${minutes} ${reason}`)).error).toMatchObject({ code: 'invalid_input' });
    }
    runner.send({ t: 'task', id: '1', act: 'seal', args: { minutes: 1, reason: 'to hide what I do' } });
    expect((await runner.next('taskReply')).error).toMatchObject({ code: 'forbidden' });
    tab.send(seal(2));
    // The terminals forget what has scrolled away before the stretch ends, so that no keyframe after it has that.
    const { id } = await runner.next('call', ({ act }) => act === 'scrollback.drop');
    expect((await rig.recorded(attempt.attemptId)).map(({ type }) => type)).not.toContain('recording.sealed');
    expect(runner.told.some((message) => message.t === 'call' && message.act === 'journal.forget')).toBe(false);
    runner.send({ t: 'answer', id, result: {} });
    // And its host what it keeps of the stretch, once that is recorded.
    await runner.next('call', ({ act }) => act === 'journal.forget');
    expect((await tab.next('reply', ({ id }) => id.startsWith('2'))).result).toEqual({ n: 1, minutesLeft: 28 });
    await expect
      .poll(async () => (await rig.recorded(attempt.attemptId)).flatMap((event) => (event.type === 'recording.sealed' ? [event.data] : [])))
      .toMatchObject([{ n: 1, reason: 'a password of my own' }]);
  });

  it('are forgotten by the pages that are open too; a seal that is refused forgets nothing', async () => {
    const attempt = await rig.attempt();
    const terminals = [{ terminal: 1, name: 'Terminal 1', cols: 80, rows: 24, open: true, exitCode: null }];
    const runner = await rig.runner(attempt.attemptId, { terminals });
    let drops = 0;
    runner.socket.on('message', (data) => {
      const call = JSON.parse(String(data)) as { t: string; id: string; act: string };
      if (call.t !== 'call') return;
      if (call.act === 'scrollback.drop') drops += 1;
      const screen = { terminal: 1, cols: 80, rows: 24, offset: 0, screen: `after ${drops} drops` };
      runner.send({ t: 'answer', id: call.id, result: call.act === 'restore' ? screen : {} });
    });
    const tab = await rig.tab(attempt);
    tab.send({ t: 'attach', terminal: 1 });
    await tab.next('restore', ({ screen }) => screen === 'after 0 drops');
    for (const [n, reason] of ['one', 'two', 'three'].entries()) {
      tab.send(seal(10, reason));
      expect((await tab.next('reply', ({ id }) => id.endsWith(reason))).error).toBeUndefined();
      await tab.next('restore', ({ screen }) => screen === `after ${n + 1} drops`);
    }
    tab.send(seal(1, 'too much'));
    expect((await tab.next('reply', ({ id }) => id.endsWith('too much'))).error).toMatchObject({ code: 'conflict' });
    expect(drops).toBe(3);
  });
});

describe('a runner', () => {
  it('whose frames come twice, late or not at all is recorded whole, once and in order', async () => {
    const { attemptId } = await rig.attempt();
    const total = 400;
    const arrivals = fc.array(fc.record({ back: fc.nat(12), ahead: fc.boolean() }), { minLength: 60, maxLength: 60 });
    let lives = 0;
    // Enough where the next call always comes before what a call brought is committed, so that only those count that end without a gap.
    for (const life of fc.sample(arrivals, { numRuns: 500, seed: 7 })) {
      const runner = await rig.runner(attemptId, { lastN: total });
      const { ackedN } = await runner.next('attached');
      lives += 1;
      if (ackedN === total) break;
      const ended = new Promise((resolve) => runner.socket.once('close', resolve));
      let n = ackedN;
      for (const { back, ahead } of life) {
        n = Math.min(n + 1, total);
        runner.says(n);
        if (back > 6) for (let again = Math.max(1, n - back); again < n; again++) runner.says(again);
        // What was lost on the way is missed by what follows it.
        if (ahead && back === 0 && n + 2 <= total) runner.says(n + 2);
      }
      await Promise.race([ended, runner.next('ack', (ack) => ack.n === n)]);
    }
    expect(lives).toBeGreaterThan(5);
    const events = await rig.recorded(attemptId);
    const counted = events.flatMap((event) => (event.type === 'resource.sample' ? [event.data.processes] : []));
    expect(counted).toEqual(Array.from({ length: total }, (_, i) => i + 1));
    expect(events.filter(({ type }) => type === 'connection.gap')).toEqual([]);
    const resumed = events.flatMap((event) => (event.type === 'connection.resumed' ? [event.data.resentFrom ?? 0] : []));
    expect(resumed.length).toBeGreaterThan(3);
    expect(resumed).toEqual(resumed.toSorted((a, b) => a - b));
  });

  it('that dials anew before its last call has ended is the one that a page finds', async () => {
    const attempt = await rig.attempt();
    await rig.runner(attempt.attemptId);
    await rig.runner(attempt.attemptId);
    // What is durable may be told before the welcome.
    expect(await (await rig.tab(attempt)).next('welcome')).toMatchObject({ sandbox: 'attached' });
  });

  it('that dials anew takes no tab with it, whatever tabs say in the moment in which the recording changes hands', async () => {
    const attempt = await rig.attempt();
    await rig.runner(attempt.attemptId);
    const tab = await rig.tab(attempt);
    const epoch = async () => (await rig.db.prisma.attempt.findUniqueOrThrow({ where: { id: attempt.attemptId } })).epoch;
    const before = await epoch();
    const { db } = rig;
    const client = await db.pool.connect();
    const asked = vi.spyOn(db.pool, 'query');
    let again: ReturnType<typeof rig.runner>;
    try {
      await client.query('BEGIN');
      // The next recorder cannot be opened yet.
      await client.query('LOCK TABLE recording_key IN ACCESS EXCLUSIVE MODE');
      again = rig.runner(attempt.attemptId);
      await expect.poll(epoch).toBe(before + 1n);
      const isRefused = ([text]: unknown[]) => String(text).includes('SELECT attempt.epoch, attempt.last_seq');
      tab.says(1);
      await expect.poll(() => asked.mock.calls.findIndex(isRefused)).toBeGreaterThanOrEqual(0);
      await asked.mock.results[asked.mock.calls.findIndex(isRefused)]?.value;
    } finally {
      asked.mockRestore();
      await client.query('ROLLBACK');
      client.release();
    }
    await again;
    expect(tab.socket.readyState).toBe(tab.socket.OPEN);
    await tab.next('sandbox', ({ state }) => state === 'attached');
    tab.says(1);
    await tab.durable(1);
  });

  it('is told how far the recording has come, which may be further than what its host kept', async () => {
    const { attemptId } = await rig.attempt();
    const runner = await rig.runner(attemptId);
    const data = { cols: 80, rows: 24, term: 'xterm', shell: '/bin/bash' };
    runner.send({ t: 'event', n: 1, atMs: 1, type: 'terminal.opened', stream: 7, data });
    runner.says(2);
    await runner.next('ack', ({ n }) => n === 2);
    expect(await (await rig.runner(attemptId)).next('attached')).toMatchObject({ ackedN: 2, lastTerminal: 7 });
  });

  it('is told from which input on it may take each tab’s, and so is the one that dials anew', async () => {
    const attempt = await rig.attempt();
    const first = await rig.runner(attempt.attemptId);
    const { id } = await rig.tab(attempt, { firstInputN: 6 });
    for (const runner of [first, await rig.runner(attempt.attemptId)]) {
      expect(await runner.next('tab', ({ tab }) => tab === id)).toMatchObject({ inputN: 5 });
    }
  });

  it('goes on after entries that its host lost, and a gap stands in their place', async () => {
    const { attemptId } = await rig.attempt();
    const first = await rig.runner(attemptId);
    first.says(1);
    await first.next('ack', ({ n }) => n === 1);
    const runner = await rig.runner(attemptId, { firstN: 4, lastN: 5 });
    runner.says(4);
    runner.says(5);
    await runner.next('ack', ({ n }) => n === 5);
    const recorded = (await rig.recorded(attemptId)).flatMap((event): unknown[] => {
      if (event.type === 'resource.sample') return [event.data.processes];
      return event.type === 'connection.gap' ? [event.data] : [];
    });
    expect(recorded).toEqual([1, { source: 'runner:one', from: 2, to: 3, reason: expect.stringContaining('host') }, 4, 5]);
  });

  it('that reads slowly, as very much was put out, has every page say so, and its successor is told how much was recorded', async () => {
    const attempt = await rig.attempt();
    const runner = await rig.runner(attempt.attemptId);
    const early = await rig.tab(attempt);
    runner.says(1);
    await runner.next('ack', ({ n }) => n === 1);
    runner.send({ t: 'outputLimited' });
    await early.next('outputLimited');
    await (await rig.tab(attempt)).next('outputLimited');
    const { recordedBytes } = await (await rig.runner(attempt.attemptId)).next('attached');
    expect(recordedBytes).toBeGreaterThan(30);
  });

  it.each(['void', 'withdrawn'] as const)('is told to tear down and to end where its attempt is %s', async (state) => {
    const { attemptId } = await rig.attempt();
    const runner = await rig.runner(attemptId);
    await moveAttempt(rig.db, attemptId, state);
    rig.changed(attemptId);
    expect(await runner.next('shutdown')).toEqual({ t: 'shutdown', reason: `the attempt is ${state}`, tearDown: true });
  });

  it('whose disk is full is as good as away: the page says so, and the time is given back when there is room', async () => {
    const attempt = await rig.attempt();
    const runner = await rig.runner(attempt.attemptId);
    const tab = await rig.tab(attempt);
    expect(await tab.next('welcome')).toMatchObject({ sandbox: 'attached' });
    // The page may have been told already that the sandbox is there: what it was told last counts.
    const toldLast = () => tab.told.findLast((message) => message.t === 'sandbox')?.state;
    runner.send({ t: 'stalled' });
    await expect.poll(toldLast).toBe('away');
    // Of one whose sandbox works, for which a gateway beats together with all that it holds.
    const other = await rig.attempt();
    await rig.runner(other.attemptId);
    const nextBeat = async () => {
      const beatMs = async () => {
        const { rows } = await rig.db.pool.query('SELECT link_heartbeat_at FROM attempt WHERE id = $1', [other.attemptId]);
        return Number(rows[0].link_heartbeat_at);
      };
      const lastMs = await beatMs();
      await expect.poll(beatMs).toBeGreaterThan(lastMs);
    };
    // One may still be under way.
    await nextBeat();
    const behind = `UPDATE attempt SET link_heartbeat_at = clock_timestamp() - interval '8 seconds' WHERE id = $1`;
    await rig.db.pool.query(behind, [attempt.attemptId]);
    await nextBeat();
    const { rows } = await rig.db.pool.query('SELECT clock_timestamp() AS now');
    runner.ready();
    await expect.poll(toldLast).toBe('attached');
    const { events } = await loadAttempt(rig.db, attempt.attemptId);
    expect(events.map(({ kind }) => kind)).toEqual(['started', 'outage']);
    // A beat in between would have ended it.
    expect((events[1] as { toMs: number }).toMs).toBeGreaterThanOrEqual(Math.floor(Number(rows[0].now)));
  });
});

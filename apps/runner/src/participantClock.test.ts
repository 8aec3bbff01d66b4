import { FakeClock } from '@plumbline/testing/fakeClock';
import { pino } from 'pino';
import { beforeEach, describe, expect, it } from 'vitest';
import { FreezeHolds } from './freezeHolds.ts';
import { ParticipantClock } from './participantClock.ts';

/** Stands for the sandbox's processes: what matters here is only when they may run. */
let sandbox: { running: boolean; fails: boolean; thawed: Promise<void> };
let clock: FakeClock;
let holds: FreezeHolds;
let participant: ParticipantClock;
let zeros: number[];
let ended: number;

const settled = async () => {
  for (let i = 0; i < 20; i++) await Promise.resolve();
};

beforeEach(() => {
  sandbox = { running: true, fails: false, thawed: Promise.resolve() };
  clock = new FakeClock();
  const logger = pino({ level: 'silent' });
  holds = new FreezeHolds({
    sandbox: {
      freezeMethod: 'cgroup2',
      freeze: async () => {
        if (sandbox.fails) throw new Error('a process does not stop');
        sandbox.running = false;
        return { method: 'cgroup2' };
      },
      thaw: async () => {
        await sandbox.thawed;
        sandbox.running = true;
      },
    },
    clock,
    logger,
    onStuck: () => {},
    onGivenUp: () => {},
  });
  zeros = [];
  ended = 0;
  participant = new ParticipantClock({
    clock,
    holds,
    logger,
    onZero: (n) => zeros.push(n),
    onEnded: async () => {
      ended += 1;
    },
  });
});

const tell = (n: number, state: 'waiting' | 'running' | 'frozen' | 'ended', remainingMs = 60_000) => {
  participant.apply({ t: 'clock', n, state, remainingMs });
  return settled();
};

describe('the participant’s clock', () => {
  it('lets nobody act before the start, in a pause or after the end', async () => {
    await expect(participant.whenRunning()).rejects.toThrow('clock is not running');
    await tell(1, 'running');
    await participant.whenRunning();
    await tell(2, 'frozen');
    await expect(participant.whenRunning()).rejects.toThrow('clock is not running');
    await tell(3, 'ended');
    await expect(participant.whenRunning()).rejects.toThrow('clock is not running');
  });

  it('lets who asks while the sandbox is being thawed act once it runs, and not where something else keeps it frozen', async () => {
    let thaw = () => {};
    const isSlow = new Promise<void>((resolve) => {
      thaw = resolve;
    });
    await tell(1, 'frozen');
    sandbox.thawed = isSlow;
    await tell(2, 'running');
    const asked = participant.whenRunning().then(() => sandbox.running);
    await settled();
    thaw();
    expect(await asked).toBe(true);
    await holds.hold('scoring');
    await expect(participant.whenRunning()).rejects.toThrow('clock is not running');
  });

  it('ignores what is older than what it knows, and takes the same again without harm', async () => {
    await tell(5, 'frozen');
    await tell(4, 'running');
    expect(sandbox.running).toBe(false);
    await tell(6, 'running');
    await tell(6, 'running');
    expect(sandbox.running).toBe(true);
    await tell(7, 'ended');
    await tell(8, 'running');
    await tell(8, 'ended');
    expect([participant.state, ended]).toEqual(['ended', 1]);
  });

  it('freezes at zero by itself and says at which clock', async () => {
    await tell(1, 'running', 5 * 3_600_000);
    clock.advance(5 * 3_600_000 - 1);
    await settled();
    expect([sandbox.running, zeros]).toEqual([true, []]);
    clock.advance(1);
    await settled();
    expect([sandbox.running, zeros, participant.zeroN]).toEqual([false, [1], 1]);
  });

  it('goes on after a zero that the gateway does not share', async () => {
    await tell(1, 'running', 100);
    clock.advance(100);
    await settled();
    await tell(1, 'running', 5_000);
    expect([sandbox.running, participant.zeroN]).toEqual([true, null]);
  });

  it('freezes after half a minute without a gateway, and thaws when the clock says so', async () => {
    await tell(1, 'running', 3_600_000);
    participant.gatewayLost();
    clock.advance(29_000);
    await settled();
    expect(sandbox.running).toBe(true);
    clock.advance(1_000);
    await settled();
    expect(sandbox.running).toBe(false);
    participant.gatewayFound();
    await tell(1, 'running', 3_570_000);
    expect(sandbox.running).toBe(true);
  });

  it('undoes a pause that was begun and never committed', async () => {
    await tell(1, 'running');
    await holds.hold('pausing');
    expect(sandbox.running).toBe(false);
    await tell(1, 'running');
    expect(sandbox.running).toBe(true);
  });

  it('does not let a score that ends thaw a paused participant', async () => {
    await tell(1, 'running');
    await holds.hold('scoring');
    await tell(2, 'frozen');
    await holds.release('scoring');
    expect(sandbox.running).toBe(false);
    await tell(3, 'running');
    expect(sandbox.running).toBe(true);
  });

  it('has a pause that stands, the time that is up and the lack of a gateway stop the participant as soon as that can be done', async () => {
    sandbox.fails = true;
    const stops = async () => {
      await settled();
      expect(sandbox.running).toBe(true);
      sandbox.fails = false;
      clock.advance(1_000);
      await settled();
      expect(sandbox.running).toBe(false);
      sandbox.fails = true;
    };
    await tell(1, 'running');
    await tell(2, 'frozen');
    await stops();
    await tell(3, 'running', 100_000);
    participant.gatewayLost();
    clock.advance(30_000);
    await stops();
    await tell(3, 'running', 5_000);
    clock.advance(5_000);
    await settled();
    // The end is asked for all the same.
    expect(zeros).toEqual([3]);
    await stops();
  });

  it('leaves the participant running when it cannot be frozen', async () => {
    await tell(1, 'running');
    sandbox.fails = true;
    await expect(holds.hold('pausing')).rejects.toThrow('could not be stopped');
    expect([sandbox.running, holds.frozen]).toEqual([true, false]);
  });
});

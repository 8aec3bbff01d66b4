import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ServerTime, SourceTime } from './serverTime.ts';

describe('SourceTime', () => {
  it('never dates an event in the future, before the one that came first, or before its attempt', () => {
    fc.assert(
      fc.property(fc.array(fc.record({ monoMs: fc.double({ min: -1e9, max: 1e9, noNaN: true }), gapMs: fc.nat(10_000) })), (deliveries) => {
        const createdMs = 1_700_000_000_000;
        const time = new SourceTime(createdMs);
        let nowMs = createdMs;
        let lastMs = createdMs;
        for (const { monoMs, gapMs } of deliveries) {
          nowMs += gapMs;
          const atMs = time.toServerMs(monoMs, nowMs);
          expect(atMs).toBeLessThanOrEqual(nowMs);
          expect(atMs).toBeGreaterThanOrEqual(lastMs);
          lastMs = atMs;
        }
      }),
    );
  });

  it('dates an event that waited through an outage to when it happened', () => {
    const time = new SourceTime(0);
    time.observe(1_000, 501_000);
    // Stamped at 2,000 on the tab's clock, delivered a minute late.
    expect(time.toServerMs(2_000, 562_000)).toBe(502_000);
  });
});

describe('SourceTime of a page that lies about its clock', () => {
  it('dates nothing decades back, which an index would count through in steps of ten seconds', () => {
    const time = new SourceTime(500_000);
    time.observe(1e15, 600_000);
    expect(time.toServerMs(0, 601_000)).toBe(500_000);
  });
});

describe('ServerTime', () => {
  it('stands on the database clock and not on this host wall clock', async () => {
    const time = new ServerTime(async () => 42_000);
    await time.refresh();
    expect(Math.abs(time.nowMs() - 42_000)).toBeLessThan(1_000);
  });

  /** A database that looks at its clock at once, and whose answers then take their time on a clock that only the test moves. */
  class SlowAnswers {
    #nowMs = 0;
    #firstTripMs: number;
    offsetMs = 42_000;
    tripMs = 1;
    readonly time = new ServerTime(
      async () => {
        const databaseMs = this.#nowMs + this.offsetMs;
        this.#nowMs += this.#firstTripMs || this.tripMs;
        this.#firstTripMs = 0;
        return databaseMs;
      },
      () => this.#nowMs,
    );

    constructor({ firstTripMs = 0 } = {}) {
      this.#firstTripMs = firstTripMs;
    }

    /** How far the process's idea of the database's clock is ahead of it. */
    offMs(): number {
      return this.time.nowMs() - (this.#nowMs + this.offsetMs);
    }
  }

  it('is not thrown off by a first answer for which a connection had to be made', async () => {
    const database = new SlowAnswers({ firstTripMs: 400 });
    await database.time.refresh();
    expect(database.offMs()).toBe(-0.5);
  });

  it('stays with its best answer where the database is slow for a while, and takes a changed clock in the end', async () => {
    const database = new SlowAnswers();
    await database.time.refresh();
    database.tripMs = 12;
    database.offsetMs += 1_000;
    await database.time.refresh();
    expect(database.offMs()).toBe(-1_000.5);
    for (let n = 0; n < 30 && database.offMs() < -900; n++) await database.time.refresh();
    expect(database.offMs()).toBe(-6);
  });
});

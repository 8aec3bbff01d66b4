import { setTimeout as sleep } from 'node:timers/promises';
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

  it('is not thrown off by a first answer for which a connection had to be made', async () => {
    let asked = 0;
    const databaseNowMs = () => performance.now() + 42_000;
    const time = new ServerTime(async () => {
      asked += 1;
      if (asked === 1) await sleep(400);
      return databaseNowMs();
    });
    await time.refresh();
    expect(Math.abs(time.nowMs() - databaseNowMs())).toBeLessThan(100);
  });

  it('stays with its best answer where the database is slow for a while, and takes a changed clock in the end', async () => {
    let delayMs = 0;
    let databaseOffsetMs = 42_000;
    const time = new ServerTime(async () => {
      const ms = performance.now() + databaseOffsetMs;
      if (delayMs > 0) await sleep(delayMs);
      return ms;
    });
    await time.refresh();
    delayMs = 12;
    databaseOffsetMs = 43_000;
    await time.refresh();
    const offMs = () => time.nowMs() - (performance.now() + databaseOffsetMs);
    expect(offMs()).toBeLessThan(-900);
    for (let n = 0; n < 30 && offMs() < -900; n++) await time.refresh();
    expect(Math.abs(offMs())).toBeLessThan(100);
  });
});

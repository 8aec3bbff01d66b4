import { makeAttempt, testDatabase } from '@plumbline/testing';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { GpuUse } from './gpuUse.ts';
import type { LiveAttempt } from './liveAttempt.ts';

test('the last work of any GPU is kept on the attempt’s clock, once a minute; idle samples keep nothing', async () => {
  const { db, drop } = await testDatabase();
  try {
    const { id } = (await makeAttempt(db)).attempt;
    let elapsedMs = 600_000;
    const live = { id, gateway: { db, log: pino({ level: 'silent' }) }, clock: { clockView: () => ({ elapsedMs }) } };
    const use = new GpuUse(live as unknown as LiveAttempt);
    const sampled = (atMs: number, ...percents: number[]) => {
      elapsedMs = atMs;
      use.sampled({ gpus: percents.map((usePercent, index) => ({ id: `GPU-${index}`, usePercent })) } as never);
    };
    const kept = async () => (await db.prisma.attempt.findUniqueOrThrow({ where: { id } })).gpuBusyElapsedMs;
    sampled(600_000, 0, 4);
    sampled(610_000, 0, 80);
    await expect.poll(kept).toBe(610_000);
    sampled(640_000, 90, 80);
    sampled(670_000, 5, 0);
    await expect.poll(kept).toBe(670_000);
    sampled(4_000_000, 4, 0);
    expect(await kept()).toBe(670_000);
  } finally {
    await drop();
  }
});

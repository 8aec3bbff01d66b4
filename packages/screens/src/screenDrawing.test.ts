import { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { ScreenStep } from './drawScreen.ts';
import { type FromDrawing, ScreenDrawing } from './screenDrawing.ts';

const EMPTY = { cols: 80, rows: 24, offset: 0, screen: '' };
const MEGABYTE = 1024 * 1024;

let drawing: ScreenDrawing;
beforeEach(() => {
  drawing = new ScreenDrawing();
});
afterEach(() => drawing.dispose());

const output = (offset: number, text: string): ScreenStep => ({ kind: 'output', offset, bytes: Buffer.from(text) });
/** Steps of a kibibyte each. */
const flood = (bytes: number): ScreenStep[] => {
  const line = Buffer.from(`${'x'.repeat(1022)}\r\n`);
  return Array.from({ length: bytes / line.length }, (_, n) => ({ kind: 'output', offset: n * line.length, bytes: line }));
};

describe('drawing beside other work', () => {
  it('gives each of many who ask at once their own screen', async () => {
    const asked = Array.from({ length: 20 }, (_, n) =>
      drawing.draw(EMPTY, [output(0, `screen ${n}`), output(8 + String(n).length - 1, '!')]),
    );
    const answers = await Promise.all(asked);
    for (const [n, answer] of answers.entries()) expect(answer?.base.screen).toContain(`screen ${n}!`);
  });

  it('says when its thread runs, which it begins', async () => {
    expect(drawing.isReady()).toBe(false);
    await expect.poll(() => drawing.isReady()).toBe(true);
    await drawing.dispose();
    expect(drawing.isReady()).toBe(false);
  });

  it('leaves the bytes that it was given as they were', async () => {
    const steps = flood(64 * 1024);
    await drawing.draw(EMPTY, steps);
    expect(steps.every((step) => step.kind === 'output' && step.bytes.length === 1024)).toBe(true);
  });

  it('is given up for whoever has gone, before its turn and in the middle of it', async () => {
    const gone = new AbortController();
    const running = drawing.draw(EMPTY, flood(48 * MEGABYTE), gone.signal);
    const waiting = drawing.draw(EMPTY, flood(MEGABYTE), gone.signal);
    const other = drawing.draw(EMPTY, [output(0, 'still here')]);
    gone.abort();
    expect(await waiting).toBeNull();
    const drawn = await running;
    // Stopped in the middle: what was drawn by then is a screen, and the rest is told.
    expect(drawn === null || drawn.tail.length > 0).toBe(true);
    expect((await other)?.base.screen).toContain('still here');
    expect(await drawing.draw(EMPTY, [output(0, 'x')], gone.signal)).toBeNull();
  });

  it('refuses more than may wait, and goes on with what does', async () => {
    const first = drawing.draw(EMPTY, flood(MEGABYTE));
    const second = drawing.draw(EMPTY, flood(48 * MEGABYTE));
    expect(await drawing.draw(EMPTY, flood(32 * MEGABYTE))).toBeNull();
    expect(await first).not.toBeNull();
    expect(await second).not.toBeNull();
  });

  it('draws nothing of what brings its thread down, and draws the next one', async () => {
    const noScreen = { ...EMPTY, screen: null as unknown as string };
    expect(await drawing.draw(noScreen, [output(0, 'x')])).toBeNull();
    expect((await drawing.draw(EMPTY, [output(0, 'next')]))?.base.screen).toContain('next');
  });

  it('takes nothing for an answer that a thread says after it was given up', async () => {
    const watched = new ScreenDrawing({ stuckAfterMs: 500 });
    const posts = vi.spyOn(Worker.prototype, 'postMessage');
    try {
      expect(await watched.draw({ ...EMPTY, rows: 2 ** 31 }, [output(0, 'x')])).toBeNull();
      const next = watched.draw({ ...EMPTY, screen: null as unknown as string }, [output(0, 'x')]);
      const late: FromDrawing = { t: 'drawn', drawn: { base: { ...EMPTY, screen: 'of another' }, tail: [] } };
      expect((posts.mock.contexts[0] as Worker).emit('message', late)).toBe(true);
      expect(await next).toBeNull();
    } finally {
      posts.mockRestore();
      await watched.dispose();
    }
  });

  it('ends a thread that is stuck, and draws the next one', async () => {
    const watched = new ScreenDrawing({ stuckAfterMs: 2_000 });
    expect(await watched.draw({ ...EMPTY, rows: 2 ** 31 }, [output(0, 'x')])).toBeNull();
    expect((await watched.draw(EMPTY, [output(0, 'next')]))?.base.screen).toContain('next');
    await watched.dispose();
  });
});

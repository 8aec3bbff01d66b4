import { describe, expect, it } from 'vitest';
import type { Segment } from './segment.ts';
import { SegmentCache } from './segmentCache.ts';

const BYTES = 1000;

/** Opens segments of equal size, and says how often. */
function opener() {
  const opened: string[] = [];
  const open = (name: string) => async () => {
    opened.push(name);
    return { headerText: '', lines: [Buffer.from(new ArrayBuffer(BYTES))] } as unknown as Segment;
  };
  return { opened, open };
}

describe('the cache of segments', () => {
  it('opens once what several ask for, and again what was used longest ago', async () => {
    const { opened, open } = opener();
    const cache = new SegmentCache(2 * BYTES);
    await Promise.all([cache.take('a', open('a')), cache.take('a', open('a'))]);
    await cache.take('b', open('b'));
    await cache.take('a', open('a'));
    await cache.take('c', open('c'));
    await cache.take('a', open('a'));
    expect(opened).toEqual(['a', 'b', 'c']);
    await cache.take('b', open('b'));
    expect(opened).toEqual(['a', 'b', 'c', 'b']);
  });

  it('gives back the memory of what it gives up, once those who took it have read it', async () => {
    const largeBytes = 4 * Buffer.poolSize;
    const large = async () => ({ headerText: '', lines: [Buffer.from(new ArrayBuffer(largeBytes))] }) as unknown as Segment;
    const cache = new SegmentCache(largeBytes);
    const taken = cache.take('a', large);
    const [read] = await Promise.all([taken.then(({ lines }) => lines[0]?.length), cache.take('b', large)]);
    expect(read).toBe(largeBytes);
    await new Promise(setImmediate);
    expect((await taken).lines[0]?.buffer.byteLength).toBe(0);
    expect((await cache.take('b', large)).lines[0]?.length).toBe(largeBytes);
  });

  it('keeps no failure', async () => {
    const { open } = opener();
    const cache = new SegmentCache(BYTES);
    await expect(cache.take('a', () => Promise.reject(new Error('away')))).rejects.toThrow('away');
    await expect(cache.take('a', open('a'))).resolves.toBeDefined();
  });
});

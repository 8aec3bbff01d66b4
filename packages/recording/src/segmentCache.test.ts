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

  it('keeps no failure', async () => {
    const { open } = opener();
    const cache = new SegmentCache(BYTES);
    await expect(cache.take('a', () => Promise.reject(new Error('away')))).rejects.toThrow('away');
    await expect(cache.take('a', open('a'))).resolves.toBeDefined();
  });
});

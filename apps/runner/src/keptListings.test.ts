import { LISTED_AT_ONCE } from '@plumbline/protocol';
import { describe, expect, it } from 'vitest';
import { KeptListings } from './keptListings.ts';

const listed = (count: number) => ({
  entries: Array.from({ length: count }, (_, n) => ({ name: `file${n}`, kind: 'file' as const, size: 0, modifiedMs: 0 })),
  truncated: false,
  stamp: 'now',
  unchanged: false,
});

describe('a listing', () => {
  it('comes in one answer where it is small, and in parts that are all of it where it is large', () => {
    const kept = new KeptListings();
    expect(kept.begin(listed(LISTED_AT_ONCE))).toEqual(listed(LISTED_AT_ONCE));
    const whole = listed(2 * LISTED_AT_ONCE + 1);
    const parts = [kept.begin(whole)];
    for (let rest = parts[0]?.rest; rest !== undefined; rest = parts.at(-1)?.rest) parts.push(kept.next(rest));
    expect(parts.map(({ entries }) => entries.length)).toEqual([LISTED_AT_ONCE, LISTED_AT_ONCE, 1]);
    expect(parts.flatMap(({ entries }) => entries)).toEqual(whole.entries);
    expect(parts.at(-1)).toMatchObject({ truncated: false, stamp: 'now' });
    expect(() => kept.next(parts[0]?.rest ?? '')).toThrow('List it again');
  });

  it('is forgotten where nobody asks for the rest of it and others come', () => {
    const kept = new KeptListings();
    const ids = Array.from({ length: 5 }, () => kept.begin(listed(LISTED_AT_ONCE + 1)).rest ?? '');
    expect(() => kept.next(ids[0] ?? '')).toThrow('List it again');
    expect(kept.next(ids[4] ?? '').entries).toHaveLength(1);
  });
});

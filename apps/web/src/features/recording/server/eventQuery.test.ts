import { describe, expect, it } from 'vitest';
import { readEventQuery } from './eventQuery.ts';

describe('readEventQuery', () => {
  it('reads ranges of time and of the log', () => {
    expect(readEventQuery(new URLSearchParams('fromMs=10.5&toMs=20'))).toMatchObject({ fromMs: 10.5, toMs: 20 });
    expect(readEventQuery(new URLSearchParams('fromSeq=1&toSeq=9'))).toMatchObject({ fromSeq: 1, toSeq: 9 });
  });

  it('refuses what it does not know, and numbers that are none', () => {
    for (const query of ['fromSeq=0', 'fromMs=soon', 'from=1']) {
      expect(() => readEventQuery(new URLSearchParams(query))).toThrow();
    }
  });
});

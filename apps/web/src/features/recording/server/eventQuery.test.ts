import { describe, expect, it } from 'vitest';
import { readEventQuery } from './eventQuery.ts';

const tab = '7d444840-9dc0-41d1-b245-5ffdce74fad2';
const selection = (path: string) =>
  ({ type: 'editor.selection', stream: 0, seq: 1, atMs: 1, data: { tab, path, anchor: 0, active: 0 } }) as const;

describe('readEventQuery', () => {
  it('reads ranges of time and of the log', () => {
    expect(readEventQuery(new URLSearchParams('fromMs=10.5&toMs=20'))).toMatchObject({ fromMs: 10.5, toMs: 20 });
    expect(readEventQuery(new URLSearchParams('fromSeq=1&toSeq=9'))).toMatchObject({ fromSeq: 1, toSeq: 9 });
  });

  it('lets through only the channels asked for, and of the editor only the document asked for', () => {
    const { where } = readEventQuery(new URLSearchParams(`channels=editor&tab=${tab}&path=a.py`));
    expect(where?.(selection('a.py'))).toBe(true);
    expect(where?.(selection('b.py'))).toBe(false);
    expect(where?.({ type: 'note.written', stream: 0, seq: 2, atMs: 2, data: { n: 1, text: 'x', elapsedMs: 0 } })).toBe(false);
  });

  it('refuses what it does not know, and numbers that are none', () => {
    for (const query of ['fromSeq=0', 'fromMs=soon', 'from=1', 'channels=editor;terminal']) {
      expect(() => readEventQuery(new URLSearchParams(query))).toThrow();
    }
  });
});

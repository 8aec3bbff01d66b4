import { describe, expect, it } from 'vitest';
import type { SearchAnswer } from './recordingApi.ts';
import { RecordingSearch } from './recordingSearch.ts';

/** Pages of so many finds, answered when they are let through. */
function pages(...sizes: number[]) {
  const asked: [text: string, after: string | null][] = [];
  const waiting: (() => void)[] = [];
  let failing = false;
  return {
    asked,
    fail: (is: boolean) => (failing = is),
    answer: async () => {
      waiting.shift()?.();
      // The searcher takes it, and asks for the next.
      await new Promise((resolve) => setImmediate(resolve));
    },
    source: {
      search: async (text: string, after: string | null): Promise<SearchAnswer> => {
        asked.push([text, after]);
        await new Promise<void>((resolve) => waiting.push(resolve));
        if (failing) throw new Error('The recording cannot be reached.');
        const page = Number(after ?? 0);
        const hits = Array.from({ length: sizes[page] ?? 0 }, (_, n) => ({
          terminal: 1,
          atMs: page,
          line: `${page}.${n}`,
          onScreen: true,
        }));
        return { hits, next: page + 1 < sizes.length ? String(page + 1) : null, untilMs: page + 1 };
      },
    },
  };
}

describe('a search that a reviewer follows', () => {
  it('shows what is found by then, goes on by itself past stretches without finds, and waits once there is enough to look at', async () => {
    const { source, answer, asked } = pages(0, 150, 0, 60, 5);
    const search = new RecordingSearch(source);
    void search.start('x');
    const states: [number, boolean, boolean, number][] = [];
    for (let page = 0; page < 4; page += 1) {
      await answer();
      const { hits, busy, hasMore, untilMs } = search.store.get();
      states.push([hits.length, busy, hasMore, untilMs]);
    }
    expect(states).toEqual([
      [0, true, true, 1],
      [150, true, true, 2],
      [150, true, true, 3],
      [210, false, true, 4],
    ]);
    void search.goOn();
    await answer();
    expect(search.store.get()).toMatchObject({ busy: false, hasMore: false, untilMs: 5 });
    expect(search.store.get().hits).toHaveLength(215);
    expect(asked.map(([, after]) => after)).toEqual([null, '1', '2', '3', '4']);
  });

  it('drops the answers of a search that another one has taken the place of', async () => {
    const { source, answer } = pages(3);
    const search = new RecordingSearch(source);
    void search.start('old');
    void search.start('new');
    await answer();
    expect(search.store.get()).toMatchObject({ text: 'new', hits: [], busy: true });
    await answer();
    expect(search.store.get().hits).toHaveLength(3);
  });

  it('says why it stopped, and goes on from there', async () => {
    const { source, answer, fail, asked } = pages(1, 1);
    const search = new RecordingSearch(source);
    void search.start('x');
    await answer();
    fail(true);
    await answer();
    expect(search.store.get()).toMatchObject({ busy: false, error: 'The recording cannot be reached.' });
    fail(false);
    void search.goOn();
    await answer();
    expect(search.store.get()).toMatchObject({ busy: false, error: null, hasMore: false });
    expect(asked.at(-1)).toEqual(['x', '1']);
    expect(search.store.get().hits).toHaveLength(2);
  });
});

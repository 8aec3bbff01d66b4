import type { ClockView } from '@plumbline/protocol';
import { expect, it } from 'vitest';
import { LastMinute } from './lastMinute.ts';
import { tabWith } from './openFiles.fixture.ts';

const MINUTE_MS = 60_000;

async function tabWithClock(limitMs = 480 * MINUTE_MS) {
  const tab = tabWith({ 'a.py': 'a', 'b.py': 'b' });
  for (const path of ['a.py', 'b.py']) await tab.opened.open(path);
  const said: string[] = [];
  let leftMs = limitMs;
  const clock = { current: { running: true, limitMs } as ClockView, remainingMs: () => leftMs };
  const lastMinute = new LastMinute({ clock, files: tab.opened, say: (text) => void said.push(text) });
  const at = async (remainingMs: number) => {
    leftMs = remainingMs;
    await lastMinute.look();
  };
  return { ...tab, said, at };
}

it('what is unsaved is saved when the last minute begins, what asks something is not, and both are said once', async () => {
  const tab = await tabWithClock();
  tab.type(' mine', 'a.py');
  tab.type(' mine', 'b.py');
  await tab.write('theirs', 'b.py');
  await tab.at(MINUTE_MS + 1);
  expect([tab.files.get('a.py'), tab.said]).toEqual(['a', []]);
  await tab.at(MINUTE_MS);
  expect([tab.files.get('a.py'), tab.files.get('b.py')]).toEqual(['a mine', 'theirs']);
  expect(tab.said).toEqual([expect.stringMatching(/Saved by itself: a\.py\./), expect.stringMatching(/^Not saved.*: b\.py\./)]);
  await tab.at(MINUTE_MS - 1_000);
  expect(tab.said).toHaveLength(2);
});

it('nothing is said where all is saved, and an attempt that is no longer than a minute has no last one', async () => {
  const tab = await tabWithClock();
  await tab.at(1_000);
  expect(tab.said).toEqual([]);
  const short = await tabWithClock(MINUTE_MS);
  short.type(' mine', 'a.py');
  await short.at(1_000);
  expect([short.files.get('a.py'), short.said]).toEqual(['a', []]);
});

import headless from '@xterm/headless';
import type { IBuffer } from '@xterm/xterm';
import { describe, expect, it } from 'vitest';
import { placeLinks } from './terminalPlaces.ts';

/** The links of a row, in a terminal of 20 columns that shows this. */
async function linksOf(output: string, row: number) {
  const terminal = new headless.Terminal({ allowProposedApi: true, cols: 20, rows: 8 });
  await new Promise<void>((resolve) => terminal.write(output, resolve));
  const opened: string[] = [];
  const links = placeLinks(terminal.buffer.active as IBuffer, row, (_event, { path, line, column }) =>
    opened.push(`${path} ${line} ${column}`),
  );
  for (const { activate, text } of links) activate({} as MouseEvent, text);
  return { links: links.map(({ range, text }) => ({ ...range, text })), opened };
}

describe('places in files that a terminal shows', () => {
  it('lie where they are drawn, behind wide characters too', async () => {
    const { links, opened } = await linksOf('first\r\n漢字 a.py:12 b', 2);
    expect(links).toEqual([{ start: { x: 6, y: 2 }, end: { x: 12, y: 2 }, text: 'a.py:12' }]);
    expect(opened).toEqual(['a.py 12 1']);
  });

  it.each([1, 2, 3])('are found whole from row %i of a line that is broken into three', async (row) => {
    const { links, opened } = await linksOf('  File "/home/agent/solution/train.py", line 123, in step', row);
    expect(links).toMatchObject([{ start: { x: 3, y: 1 }, end: { x: 8, y: 3 } }]);
    expect(opened).toEqual(['/home/agent/solution/train.py 123 1']);
  });

  it('have names of wide characters as they were printed', async () => {
    expect((await linksOf('File "漢字.py", line 3', 1)).opened).toEqual(['漢字.py 3 1']);
  });

  it('do not reach over the end of a line', async () => {
    expect((await linksOf('aaaaaaaaaa train.py:\r\n12', 1)).links).toEqual([]);
  });
});

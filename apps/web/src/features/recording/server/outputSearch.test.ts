import headless from '@xterm/headless';
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import programs from './recordedPrograms.fixture.json' with { type: 'json' };
import { RecordedTerminals } from './recordedTerminals.fixture.ts';
import { SearchWork } from './searchWork.ts';
import { TerminalSearch } from './terminalSearch.ts';

const recorded = () => new RecordedTerminals().open(1, 40, 10);

describe('a search of the output', () => {
  it('finds text at the event that made it whole, and not at the end of its line', async () => {
    const recording = recorded().put(1, 'loading ').put(1, 'mo').put(1, 'del').put(1, ' done\r\n').put(1, '$ ');
    expect(await recording.find('Model')).toEqual([[3, 1, 'loading model']]);
  });

  it('finds a character whose bytes came apart', async () => {
    const bytes = Buffer.from('größe ok');
    const recording = recorded().put(1, bytes.subarray(0, 3)).put(1, bytes.subarray(3));
    expect(await recording.find('größe')).toEqual([[2, 1, 'größe ok']]);
  });

  it('finds text that goes over the end of a row, wide characters too', async () => {
    const recording = recorded()
      .put(1, `${'x'.repeat(37)}needle and `)
      .put(1, `\r\n${'x'.repeat(39)}漢字 end`);
    expect((await recording.find('needle'))[0]).toEqual([1, 1, `${'x'.repeat(37)}needle and`]);
    expect((await recording.find('x漢字'))[0]?.[0]).toBe(2);
  });

  it('finds text in a line of any length, wherever it is', async () => {
    for (const before of [8_185, 8_192, 20_000]) {
      const recording = recorded()
        .put(1, 'x'.repeat(before))
        .put(1, `nee`)
        .put(1, `dle${'y'.repeat(9_000)}`);
      expect(
        (await recording.find('needle')).map(([second]) => second),
        `after ${before}`,
      ).toEqual([3]);
    }
  });

  it('finds what a program painted by moving the cursor, when it was all there', async () => {
    const recording = recorded()
      .put(1, '\x1b[?1049h\x1b[2J\x1b[H')
      .put(1, '\x1b[5;20Hdle')
      .put(1, '\x1b[5;17H\x1b[1mn\x1b[0me')
      .put(1, '\x1b[1;1Hstatus\x1b[5;19He')
      .put(1, '\x1b[?1049l');
    expect((await recording.find('needle')).map(([second]) => second)).toEqual([4]);
    const screens = await recording.screens(1);
    expect([3, 4].map((second) => screens[second]?.[4]?.includes('needle'))).toEqual([false, true]);
  });

  it('finds nothing that never stood on the screen', async () => {
    const recording = recorded()
      .put(1, 'nee\x1b[31mdl\x1b[0m')
      .put(1, '\r\x1b[Kfine')
      .put(1, '\x1b]0;needle\x07')
      .put(1, '\r\nnee')
      .put(1, '\r\ndle');
    expect(await recording.find('needle')).toEqual([]);
  });

  it('finds a line once, however long it stays, scrolls, is typed on or counts on', async () => {
    const recording = recorded().put(1, '$ echo needle');
    for (const key of ' and more') recording.put(1, key);
    for (let row = 0; row < 9; row += 1) recording.put(1, `\r\n${row}`);
    expect((await recording.find('needle')).map(([second]) => second)).toEqual([1]);

    const bar = recorded();
    for (let percent = 0; percent <= 100; percent += 10) bar.put(1, `\r\x1b[2K${'━'.repeat(percent / 10)} ${percent}% needle`);
    expect((await bar.find('needle')).map(([second]) => second)).toEqual([1]);

    const scrolled = recorded().put(1, '\x1b[?1049h\x1b[H').put(1, '\x1b[8;1Hneedle');
    for (let row = 0; row < 5; row += 1) scrolled.put(1, '\x1b[10;1H\n');
    expect((await scrolled.find('needle')).map(([second]) => second)).toEqual([2]);
    // Painted anew, the screen cleared first.
    scrolled.put(1, '\x1b[2J').stepMs = 100;
    scrolled.put(1, '\x1b[3;1Hneedle');
    expect((await scrolled.find('needle')).map(([second]) => second)).toEqual([2]);
  });

  it('finds each of several equal lines, and a line that came again later', async () => {
    const recording = recorded()
      .put(1, 'needle\r\nneedle\r\n')
      .put(1, 'needle\r\n')
      .put(1, '\x1b[2J\x1b[H')
      .put(1, 'x')
      .put(1, 'x')
      .put(1, '\x1b[5;1Hneedle');
    expect((await recording.find('needle')).map(([second]) => second)).toEqual([1, 1, 2, 6]);
  });

  it('does not find again what a larger or smaller screen wraps anew, or what is uncovered when a program ends', async () => {
    const recording = recorded()
      .put(1, `${'x'.repeat(38)}needle\r\n`)
      .resize(1, 20, 10)
      .resize(1, 60, 12)
      .put(1, 'y');
    expect((await recording.find('needle')).map(([second]) => second)).toEqual([1]);
    recording.put(1, '\x1b[?1049h\x1b[2J').put(1, 'z').put(1, '\x1b[?1049l');
    expect((await recording.find('needle')).map(([second]) => second)).toEqual([1]);
  });

  it('finds every line of a flood, and says which of them were gone from the screen by then', async () => {
    const recording = recorded().put(1, Array.from({ length: 450 }, (_, n) => `needle ${n}\r\n`).join(''));
    expect((await recording.find('needle')).map(([, , line]) => line)).toEqual(Array.from({ length: 450 }, (_, n) => `needle ${n}`));
    expect((await recording.page('needle 449')).hits[0]?.onScreen).toBe(true);
    expect((await recording.page('needle 4')).hits[0]?.onScreen).toBe(false);
  });

  it('gives pages that go on where the one before ended, each find once and in order', async () => {
    const recording = recorded().open(2, 60, 5);
    for (let n = 0; n < 90; n += 1) {
      recording.put(1, `needle ${n}\r\n`).put(2, `needle a${n}\r\nneedle b${n}\r\nneedle c${n}\r\nnee`);
      recording.put(2, `dle d${n}\r\n`);
      if (n % 20 === 0) recording.keyframe(1, 40, 10, `needle ${n}\r\n`);
    }
    const first = await recording.page('needle');
    expect(first.hits).toHaveLength(200);
    expect(first.next).not.toBeNull();
    const all = await recording.find('needle');
    expect(all).toHaveLength(90 * 5);
    expect(new Set(all.map(([, terminal, line]) => `${terminal} ${line}`)).size).toBe(90 * 5);
    expect(all.map(([second]) => second)).toEqual(all.map(([second]) => second).toSorted((a, b) => a - b));
  });

  it('answers in time where there is much output and nothing found, and says how far it looked', async () => {
    const recording = recorded();
    for (let n = 0; n < 140; n += 1) recording.put(1, `${'x'.repeat(39)}\r\n`.repeat(800));
    recording.put(1, 'needle');
    const first = await recording.page('needle');
    expect(first.hits).toEqual([]);
    expect(first.next).not.toBeNull();
    expect(first.untilMs).toBeLessThan(recording.events.at(-1)?.atMs ?? 0);
    const second = await recording.page('needle', first.next);
    expect([second.hits.map(({ line }) => line), second.next]).toEqual([['needle'], null]);
  });

  it('answers in time where there are many small events', async () => {
    const recording = recorded();
    for (let n = 0; n < 9_000; n += 1) recording.put(1, `\r\x1b[K${'|/-'[n % 3]}`);
    recording.put(1, 'needle');
    const first = await recording.page('needle');
    expect(first.next).not.toBeNull();
    expect(recording.readEvents).toBeLessThan(5_000);
    expect((await recording.find('needle')).map(([, , line]) => line)).toEqual(['-needle']);
  });

  it('answers in time on a screen as large as it may be, of which all is looked at after each event', async () => {
    const recording = new RecordedTerminals().open(1, 1_000, 1_000);
    for (let n = 0; n < 100; n += 1) recording.put(1, `\x1b[${10 * n + 1};900Hrow ${n}`);
    recording.put(1, 'needle');
    const first = await recording.page('needle');
    expect(first.next).not.toBeNull();
    expect(recording.readEvents).toBeLessThan(50);
    expect((await recording.find('needle')).map(([, , line]) => line)).toEqual(['row 99needle']);
  });

  it('finds every line of a flood on a wide screen, above which fewer are kept', async () => {
    const recording = new RecordedTerminals().open(1, 1_000, 50).put(1, 'a\r\n'.repeat(3_000));
    expect(await recording.find('a')).toHaveLength(3_000);
  });

  it('ends where it is once nobody waits any more, amid what it draws', async () => {
    const recording = new RecordedTerminals().open(1, 1_000, 1_000);
    for (let n = 0; n < 30; n += 1) recording.put(1, `\x1b[${n + 1};1Hneedle ${n}`);
    const reader = new AbortController();
    let drawn = 0;
    const looks = vi.spyOn(SearchWork.prototype, 'lookedAt').mockImplementation(() => {
      drawn += 1;
      reader.abort();
    });
    await recording.page('needle', null, reader.signal);
    looks.mockRestore();
    expect(drawn).toBe(1);
  });

  it('draws no more than so much of what came before an answer, and finds what comes after it', async () => {
    const recording = recorded().put(1, '\x1b]0;');
    const megabyte = 'x'.repeat(1024 * 1024);
    for (let n = 0; n < 20; n += 1) recording.put(1, megabyte);
    recording.put(1, '\x07').keyframe(1, 40, 10, 'needle');
    const last = await recording.page('needle', '22.0');
    expect(last.hits.map(({ line }) => line)).toEqual(['needle']);
    expect(recording.readEvents).toBeLessThan(16);
  });

  it('lets go of a terminal when it is closed, with what was found on it', async () => {
    const { events } = recorded().put(1, 'needle').close(1);
    const disposals = vi.spyOn(headless.Terminal.prototype, 'dispose');
    const search = new TerminalSearch('needle', new SearchWork(Number.POSITIVE_INFINITY));
    try {
      expect((await search.take(events)).map(({ line }) => line)).toEqual(['needle']);
      expect(disposals).toHaveBeenCalledTimes(1);
    } finally {
      search.dispose();
      disposals.mockRestore();
    }
  });

  it('finds what a terminal shows that is opened where another was closed', async () => {
    const recording = recorded().put(1, 'needle 1').close(1).open(1, 40, 10).put(1, 'needle 2');
    expect((await recording.find('needle')).map(([second]) => second)).toEqual([1, 4]);
  });

  it('stops where nobody waits for the answer any more', async () => {
    const recording = recorded().put(1, 'a').put(1, 'needle');
    expect((await recording.page('needle', '3.0', AbortSignal.abort())).hits).toEqual([]);
    expect(recording.readEvents).toBeLessThan(3);
  });

  it('finds what an empty screen shows of output after some that is missing, as a replay draws it', async () => {
    const recording = recorded().put(1, 'nee').lose(1, 100).put(1, 'dle').put(1, ' needle');
    expect(await recording.find('needle')).toEqual([[3, 1, 'dle needle']]);
  });

  it('begins with a keyframe where what came before is missing, and finds what that shows', async () => {
    const recording = recorded().put(1, 'a\r\n').lose(1, 100).put(1, 'b').keyframe(1, 40, 10, 'a\r\nneedle\r\nb').put(1, 'c');
    expect(await recording.find('needle')).toEqual([[3, 1, 'needle']]);
    expect(await recording.find('bc')).toEqual([[4, 1, 'bc']]);
  });

  it('holds for any painting: what comes onto the screen is found at that moment', async () => {
    const piece = fc.oneof(
      { weight: 4, arbitrary: fc.constantFrom('a', 'b', 'ab', 'aab', 'ba ', '漢') },
      { weight: 2, arbitrary: fc.constantFrom('\r\n', '\n', '\r', '\b', '\t') },
      fc.record({ row: fc.integer({ min: 1, max: 6 }), col: fc.integer({ min: 1, max: 12 }) }).map(({ row, col }) => `\x1b[${row};${col}H`),
      fc.constantFrom(
        '\x1b[K',
        '\x1b[1K',
        '\x1b[2J',
        '\x1b[L',
        '\x1b[M',
        '\x1b[P',
        '\x1b[@',
        '\x1b[2;5r',
        '\x1bM',

        '\x1b[1m',
      ),
    );
    const step = fc.oneof(
      { weight: 8, arbitrary: fc.array(piece, { minLength: 1, maxLength: 5 }).map((pieces) => pieces.join('')) },
      fc.record({ cols: fc.integer({ min: 4, max: 14 }), rows: fc.integer({ min: 2, max: 8 }) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
        // What goes over the end of a row has tests of its own: here nothing does.
        const recording = new RecordedTerminals().open(1, 12, 6).put(1, '\x1b[?7l');
        for (const item of steps) {
          if (typeof item === 'string') recording.put(1, item);
          else recording.resize(1, item.cols, item.rows);
        }
        const found = new Set((await recording.find('ab')).map(([second]) => second));
        const screens = await recording.screens(1);
        let before = true;
        for (let second = 0; second < screens.length; second += 1) {
          const isThere = screens[second]?.some((row) => row.includes('ab')) === true;
          const isOutput = recording.events[second]?.type === 'terminal.output';
          if (isThere && !before && isOutput) expect([...found], `second ${second}`).toContain(second);
          before = isThere;
        }
      }),
      { numRuns: 100 },
    );
  });

  // What the runner recorded of each, at 80 by 24: a file opened, paged through and left, a pane split and a line printed in it.
  for (const [name, { text, steps }] of Object.entries(programs)) {
    it(`leads to the moment at which the text came onto the screen of a recorded program: ${name}`, async () => {
      const recording = new RecordedTerminals().open(1, 80, 24);
      for (const step of steps) recording.put(1, step);
      const found = (await recording.find(text)).map(([second]) => second);
      const has = (await recording.screens(1)).map((rows) => rows.join('\n').includes(text));
      expect(found[0]).toBe(has.indexOf(true));
      expect(found.length).toBeGreaterThan(0);
      // And never to one at which it is not there.
      expect(found.every((second) => has[second])).toBe(true);
    });
  }
});

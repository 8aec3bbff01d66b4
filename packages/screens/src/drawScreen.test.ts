import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type DrawnScreen, drawScreen, type ScreenStep } from './drawScreen.ts';
import { headlessTerminal } from './headlessTerminal.ts';
import { serialiseScreen } from './screenState.ts';
import { anyChunking, anyOutput, fingerprint, write } from './screens.fixture.ts';

const COLS = 20;
const ROWS = 6;
/** A page's. */
const SCROLLBACK_LINES = 300;
const EMPTY = { cols: COLS, rows: ROWS, offset: 0, screen: '' };

const never = () => false;
const output = (offset: number, bytes: string | Uint8Array): ScreenStep => ({ kind: 'output', offset, bytes: Buffer.from(bytes) });

/** The terminal of somebody who is given a screen and what is still to be drawn. */
async function shown({ base, tail }: DrawnScreen) {
  const page = headlessTerminal({ cols: base.cols, rows: base.rows, scrollback: SCROLLBACK_LINES });
  await write(page, base.screen);
  let offset = base.offset;
  for (const step of tail) {
    if (step.kind === 'resize') page.resize(step.cols, step.rows);
    else {
      // As a page, which waits for what is missing.
      if (step.offset !== offset) break;
      await write(page, step.bytes);
      offset += step.bytes.length;
    }
  }
  return page;
}

/** What was put out and how the size changed, in pieces. */
function stepsOf(acts: readonly { bytes: Uint8Array; cols: number }[], sizes: readonly number[], from = 0): ScreenStep[] {
  const steps: ScreenStep[] = [];
  let offset = from;
  for (const { bytes, cols } of acts) {
    if (cols > 0) steps.push({ kind: 'resize', cols, rows: ROWS });
    for (let at = 0, turn = 0; at < bytes.length; turn++) {
      const piece = bytes.subarray(at, at + (sizes[turn % sizes.length] as number));
      steps.push({ kind: 'output', offset, bytes: piece });
      offset += piece.length;
      at += piece.length;
    }
  }
  return steps;
}

const lengthOf = (steps: readonly ScreenStep[]) => steps.reduce((sum, step) => sum + (step.kind === 'output' ? step.bytes.length : 0), 0);

describe('a drawn screen and what is left to draw on it', () => {
  it('show the same as all of the output, by every chunking, from every seek and wherever drawing is stopped', async () => {
    // SCREEN_RUNS=10000 for the long run, with a seed of its own, which a failure prints.
    const runs = process.env.SCREEN_RUNS;
    const chosen = runs === undefined ? { numRuns: 150, seed: 1 } : { numRuns: Number(runs) };
    await fc.assert(
      fc.asyncProperty(
        fc.array(anyOutput(COLS, ROWS), { minLength: 1, maxLength: 40 }),
        anyChunking,
        fc.nat(40),
        fc.oneof(fc.constant(Number.POSITIVE_INFINITY), fc.nat(60)),
        async (acts, sizes, seekTo, looks) => {
          // A keyframe as the runner takes one, and what came after it.
          const before = await drawScreen(EMPTY, stepsOf(acts.slice(0, seekTo), sizes), never);
          const from = before ?? { base: EMPTY, tail: stepsOf(acts.slice(0, seekTo), sizes) };
          const known = from.base.offset + lengthOf(from.tail);
          const steps = [...from.tail, ...stepsOf(acts.slice(seekTo), sizes, known)];
          let looked = 0;
          const drawn = await drawScreen(from.base, steps, () => looked++ >= looks);
          const whole = await shown({ base: EMPTY, tail: stepsOf(acts, [1_000]) });
          const page = await shown(drawn ?? { base: from.base, tail: steps });
          expect(fingerprint(page)).toEqual(fingerprint(whole));
          whole.dispose();
          page.dispose();
        },
      ),
      chosen,
    );
  }, 600_000);

  it('leave nothing to draw of output that ends between sequences, however long', async () => {
    const bytes = Buffer.from(Array.from({ length: 40_000 }, (_, line) => `\x1b[3${line % 8}mgrößer ${line}\x1b[0m\r\n`).join(''));
    const drawn = await drawScreen(EMPTY, [output(0, bytes)], never);
    expect(drawn?.tail).toEqual([]);
    expect(drawn?.base.offset).toBe(bytes.length);
    expect(drawn?.base.screen.length).toBeLessThan(40_000);
    const page = await shown(drawn as DrawnScreen);
    const lines = page.buffer.active;
    expect(lines.getLine(lines.baseY + ROWS - 2)?.translateToString(true)).toBe('größer 39999');
    expect(lines.baseY).toBe(SCROLLBACK_LINES);
  });

  it('leave what a cut sequence began with', async () => {
    const drawn = await drawScreen(
      EMPTY,
      [output(0, 'text'), { kind: 'resize', cols: 30, rows: 8 }, output(4, 'more\x1b[3'), output(11, '1')],
      never,
    );
    expect(drawn?.base).toMatchObject({ cols: 30, rows: 8, offset: 4 });
    expect(drawn?.tail).toEqual([output(4, 'more\x1b[3'), output(11, '1')]);
  });

  it('leave everything from a hole in the output on', async () => {
    const drawn = await drawScreen(EMPTY, [output(0, 'before'), output(9, 'after')], never);
    expect(drawn?.base.offset).toBe(6);
    expect(drawn?.tail).toEqual([output(9, 'after')]);
  });

  it('are none where all of it is a single sequence that does not end', async () => {
    expect(await drawScreen(EMPTY, [output(0, `\x1b]0;${'x'.repeat(1_000_000)}`)], never)).toBeNull();
  });

  it('go on from a keyframe, whose screen they are drawn on', async () => {
    const keyframe = headlessTerminal({ cols: COLS, rows: ROWS, scrollback: SCROLLBACK_LINES });
    await write(keyframe, '\x1b[2;4r\x1b[31mred\x1b7\x1b[3;1H');
    const base = { cols: COLS, rows: ROWS, offset: 500, screen: serialiseScreen(keyframe, 0) };
    const drawn = await drawScreen(base, [output(500, 'one\n\n\ntwo\x1b8!')], never);
    await write(keyframe, 'one\n\n\ntwo\x1b8!');
    expect(drawn?.base.offset).toBe(512);
    expect(fingerprint(await shown(drawn as DrawnScreen))).toEqual(fingerprint(keyframe));
  });
});

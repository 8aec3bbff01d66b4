import type { Terminal } from '@xterm/headless';
import { headlessTerminal } from './headlessTerminal.ts';
import { isBetweenSequences, serialiseScreen } from './screenState.ts';

/** A whole screen: written to a reset terminal of the size, `screen` draws it. */
export interface ScreenText {
  cols: number;
  rows: number;
  /** Bytes of output that the screen includes. */
  offset: number;
  screen: string;
}

/** What happens to a screen: output that starts after `offset` bytes of it, or another size. */
export type ScreenStep = { kind: 'output'; offset: number; bytes: Uint8Array } | { kind: 'resize'; cols: number; rows: number };

/** A screen, and what is still to be drawn on it. */
export interface DrawnScreen {
  base: ScreenText;
  tail: ScreenStep[];
}

/** Parsed between two looks at whether to go on: a few milliseconds. */
const PIECE_BYTES = 256 * 1024;
/** As many lines above the screen as a replay's terminal keeps. */
const DRAWN_SCROLLBACK_LINES = 300;

/** So many steps are on the screen whole, and so many bytes of the next one. */
interface Place {
  steps: number;
  bytes: number;
}

/**
 * Draws steps on a screen, as far as a screen can stand for them: not from a hole in the output on, not in the middle of a control
 * sequence, nor after `isOver` says so. What is left is drawn by whoever shows the screen. Null where nothing could be drawn.
 */
export async function drawScreen(base: ScreenText, steps: readonly ScreenStep[], isOver: () => boolean): Promise<DrawnScreen | null> {
  const { terminal, drawn, clean } = await draw(base, steps, null, isOver);
  if (clean === null) {
    terminal.dispose();
    return null;
  }
  if (drawn.steps === clean.steps && drawn.bytes === clean.bytes) return described(terminal, base, steps, clean);
  terminal.dispose();
  // It ended in the middle of something, and a terminal does not go back: it is drawn once more, up to there.
  return described((await draw(base, steps, clean, () => false)).terminal, base, steps, clean);
}

async function draw(base: ScreenText, steps: readonly ScreenStep[], until: Place | null, isOver: () => boolean) {
  const terminal = headlessTerminal({ cols: base.cols, rows: base.rows, scrollback: DRAWN_SCROLLBACK_LINES });
  await write(terminal, base.screen);
  const drawn: Place = { steps: 0, bytes: 0 };
  let clean: Place | null = null;
  let offset = base.offset;
  const isAtEnd = () => isOver() || (until !== null && drawn.steps === until.steps && drawn.bytes === until.bytes);
  for (const step of steps) {
    if (isAtEnd()) break;
    if (step.kind === 'resize') terminal.resize(step.cols, step.rows);
    else if (step.offset !== offset) break;
    else {
      const end = until?.steps === drawn.steps ? until.bytes : step.bytes.length;
      while (drawn.bytes < end && !isOver()) {
        const next = Math.min(end, drawn.bytes + PIECE_BYTES);
        await write(terminal, step.bytes.subarray(drawn.bytes, next));
        offset += next - drawn.bytes;
        drawn.bytes = next;
        if (isBetweenSequences(terminal)) clean = { ...drawn };
      }
      if (drawn.bytes < step.bytes.length) break;
    }
    drawn.steps += 1;
    drawn.bytes = 0;
    if (isBetweenSequences(terminal)) clean = { ...drawn };
  }
  return { terminal, drawn, clean };
}

function described(terminal: Terminal, base: ScreenText, steps: readonly ScreenStep[], { steps: whole, bytes }: Place): DrawnScreen {
  const taken = steps.slice(0, whole).reduce((sum, step) => sum + (step.kind === 'output' ? step.bytes.length : 0), bytes);
  const { cols, rows } = terminal;
  const screen = serialiseScreen(terminal, DRAWN_SCROLLBACK_LINES);
  terminal.dispose();
  const [cut, ...rest] = steps.slice(whole);
  const left = cut?.kind === 'output' ? [{ ...cut, offset: cut.offset + bytes, bytes: cut.bytes.subarray(bytes) }] : cut ? [cut] : [];
  return { base: { cols, rows, offset: base.offset + taken, screen }, tail: [...left, ...rest] };
}

const write = (terminal: Terminal, data: string | Uint8Array) => new Promise<void>((resolve) => terminal.write(data, resolve));

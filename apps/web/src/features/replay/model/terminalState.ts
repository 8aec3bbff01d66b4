import type { RecordedEvent } from '@plumbline/protocol';
import type { ScreenStep, ScreenText } from '@plumbline/screens';
import { fromStepLine, type ScreenAnswer } from './recordingApi.ts';

/**
 * What a terminal showed, as a screen and the output after it: enough to draw it at any time in a fresh terminal. A
 * keyframe that passes takes the tail's place. After output that is missing it begins anew, on an empty screen.
 */

export interface TerminalState {
  terminal: number;
  base: ScreenText;
  /** Append-only and shared between states, so that a long tail is never copied: only the first `tailLength` steps count. */
  tail: ScreenStep[];
  tailLength: number;
  cols: number;
  rows: number;
  /** Count of output bytes that the state holds. */
  offset: number;
  /** Output before the base is missing, and so is what it left on the screen: the next keyframe is drawn anew. */
  begunAnew: boolean;
}

/** A terminal that was just opened. */
export function emptyTerminal(terminal: number, cols: number, rows: number): TerminalState {
  return fromScreen(terminal, { cols, rows, offset: 0, screen: '' }, false);
}

function fromScreen(terminal: number, base: ScreenText, begunAnew: boolean): TerminalState {
  const { cols, rows, offset } = base;
  return { terminal, base, tail: [], tailLength: 0, cols, rows, offset, begunAnew };
}

function append(state: TerminalState, step: ScreenStep): TerminalState {
  // Another state went on from the same tail already: this one needs its own.
  const tail = state.tail.length === state.tailLength ? state.tail : state.tail.slice(0, state.tailLength);
  tail.push(step);
  return { ...state, tail, tailLength: tail.length };
}

/** The output and the resizes after the base, in order. */
export function tailOf(state: TerminalState): readonly ScreenStep[] {
  return state.tail.slice(0, state.tailLength);
}

/** The state after one more event of this terminal, and what a terminal that drew the state before must do to follow. */
export function applyTerminalEvent(
  state: TerminalState,
  event: RecordedEvent,
): {
  state: TerminalState;
  step: ScreenStep | 'redraw' | null;
} {
  switch (event.type) {
    case 'terminal.output': {
      const { offset, bytes } = event.data;
      const end = offset + bytes.length;
      // The screen that the state began with may hold a part of it already.
      if (end <= state.offset) return { state, step: null };
      const from = Math.max(offset, state.offset);
      const step: ScreenStep = { kind: 'output', offset: from, bytes: bytes.subarray(from - offset) };
      return { state: goOn(state, step), step: from > state.offset ? 'redraw' : step };
    }
    case 'terminal.resized': {
      const { cols, rows } = event.data;
      if (cols === state.cols && rows === state.rows) return { state, step: null };
      const step: ScreenStep = { kind: 'resize', cols, rows };
      return { state: goOn(state, step), step };
    }
    case 'terminal.keyframe': {
      // Only one that holds all that was drawn can stand in for it; what is on the screen stays as it is.
      const { offset, cols, rows } = event.data;
      // Output before it that nobody is shown any more was never drawn, and this has what it left on the screen.
      if (offset > state.offset || (offset === state.offset && state.begunAnew))
        return { state: fromScreen(state.terminal, event.data, false), step: 'redraw' };
      if (offset !== state.offset || cols !== state.cols || rows !== state.rows) return { state, step: null };
      return { state: fromScreen(state.terminal, event.data, false), step: null };
    }
    default:
      return { state, step: null };
  }
}

/** The state after a terminal's events, by time, from a keyframe or from a state on; null where it was not open. */
export function terminalAfter(
  terminal: number,
  keyframe: ScreenText | null,
  events: readonly RecordedEvent[],
  before: TerminalState | null = null,
): TerminalState | null {
  let state = keyframe === null ? before : fromScreen(terminal, keyframe, false);
  for (const event of events) {
    if (event.type === 'terminal.opened') state = emptyTerminal(terminal, event.data.cols, event.data.rows);
    else if (event.type === 'terminal.closed') state = null;
    else if (state) state = applyTerminalEvent(state, event).state;
  }
  return state;
}

/** The state that a screen answer stands for; null where the terminal was not open. */
export function terminalFromScreen({ terminal, base, begunAnew, tail }: ScreenAnswer): TerminalState | null {
  return base === null ? null : terminalFrom(terminal, base, begunAnew, tail.map(fromStepLine));
}

/** The state of a terminal that has drawn a screen, which may have begun anew before, and then steps. */
export function terminalFrom(terminal: number, base: ScreenText, begunAnew: boolean, steps: readonly ScreenStep[]): TerminalState {
  return steps.reduce(goOn, fromScreen(terminal, base, begunAnew));
}

function goOn(state: TerminalState, step: ScreenStep): TerminalState {
  if (step.kind === 'resize') return { ...append(state, step), cols: step.cols, rows: step.rows };
  const { terminal, cols, rows } = state;
  // What is missing may have cleared, moved or written anything: nothing of the screen before can be taken for what was there.
  const before = step.offset > state.offset ? fromScreen(terminal, { cols, rows, offset: step.offset, screen: '' }, true) : state;
  return { ...append(before, step), offset: step.offset + step.bytes.length };
}

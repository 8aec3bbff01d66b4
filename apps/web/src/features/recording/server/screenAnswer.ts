import { SEEK_PAGE_BYTES, type TerminalSeek } from '@plumbline/recording/reader';
import type { ScreenStep } from '@plumbline/screens';
import { ScreenDrawing } from '@plumbline/screens/screenDrawing';
import { type ScreenAnswer, toStepLine } from '../../replay/model/recordingApi.ts';
import { type TerminalState, tailOf, terminalAfter, terminalFrom } from '../../replay/model/terminalState.ts';

/** Less than this a page draws as quickly as it takes in the screen that would come out of it. */
const DRAWN_FROM_BYTES = 16 * 1024;

const ofThisProcess = new ScreenDrawing();

/**
 * The screen that a seek found, drawn here where much output follows its keyframe, so that a page never draws what nobody sees. No
 * more than a few pages of the seek are held at once, and what cannot be drawn here is cut to the last of it.
 */
export async function screenAnswer(
  terminal: number,
  pages: AsyncIterable<TerminalSeek>,
  signal: AbortSignal,
  drawing = ofThisProcess,
): Promise<ScreenAnswer> {
  let state: TerminalState | null = null;
  for await (const { keyframe, events } of pages) {
    // Another page follows the one before, so that there is much to be drawn, and time for a thread to begin.
    if (state !== null && isLong(state)) state = cut(await drawn(drawing, state, signal));
    state = terminalAfter(terminal, keyframe?.data ?? null, events, state);
    if (signal.aborted) break;
  }
  if (state === null) return { terminal, base: null, begunAnew: false, tail: [] };
  if (drawing.isReady() && isLong(state)) state = await drawn(drawing, state, signal);
  const sent = cut(state);
  return { terminal, base: sent.base, begunAnew: sent.begunAnew, tail: tailOf(sent).map(toStepLine) };
}

const isLong = ({ offset, base }: TerminalState) => offset - base.offset >= DRAWN_FROM_BYTES;

/** The same state with as much of its steps in its screen as could be drawn. */
async function drawn(drawing: ScreenDrawing, state: TerminalState, signal: AbortSignal): Promise<TerminalState> {
  const screen = await drawing.draw(state.base, tailOf(state), signal);
  return screen === null ? state : terminalFrom(state.terminal, screen.base, state.begunAnew, screen.tail);
}

/** The state begun anew before the last of its output, where what is not drawn is more than a page of a seek. */
function cut(state: TerminalState): TerminalState {
  const steps = tailOf(state);
  const last: ScreenStep[] = [];
  let leftBytes = SEEK_PAGE_BYTES;
  for (const step of steps.toReversed()) {
    if (leftBytes <= 0) break;
    last.push(step.kind === 'resize' ? step : endOf(step, leftBytes));
    if (step.kind === 'output') leftBytes -= step.bytes.length;
  }
  last.reverse();
  const size = steps.slice(0, steps.length - last.length).findLast(({ kind }) => kind === 'resize');
  return terminalFrom(state.terminal, state.base, state.begunAnew, size === undefined ? last : [size, ...last]);
}

function endOf(step: Extract<ScreenStep, { kind: 'output' }>, bytes: number): ScreenStep {
  const from = Math.max(0, step.bytes.length - bytes);
  return from === 0 ? step : { ...step, offset: step.offset + from, bytes: step.bytes.subarray(from) };
}

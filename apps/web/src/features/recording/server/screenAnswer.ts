import type { TerminalSeek } from '@plumbline/recording/reader';
import { ScreenDrawing } from '@plumbline/screens/screenDrawing';
import { type ScreenAnswer, toStepLine } from '../../replay/model/recordingApi.ts';
import { tailOf, terminalAfter } from '../../replay/model/terminalState.ts';

/** Less than this a page draws as quickly as it takes in the screen that would come out of it. */
const DRAWN_FROM_BYTES = 16 * 1024;

const drawing = new ScreenDrawing();

/** The screen that a seek found, drawn here where much output follows its keyframe, so that a page never draws what nobody sees. */
export async function screenAnswer(terminal: number, { keyframe, events }: TerminalSeek, signal: AbortSignal): Promise<ScreenAnswer> {
  const state = terminalAfter(terminal, keyframe?.data ?? null, events);
  if (state === null) return { terminal, base: null, tail: [] };
  const steps = tailOf(state);
  const isLong = state.offset - state.base.offset >= DRAWN_FROM_BYTES;
  const drawn = drawing.isReady() && isLong ? await drawing.draw(state.base, steps, signal) : null;
  const { base, tail } = drawn ?? { base: state.base, tail: steps };
  return { terminal, base, tail: tail.map(toStepLine) };
}

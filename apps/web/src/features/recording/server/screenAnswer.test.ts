import type { EventData, RecordedEvent } from '@plumbline/protocol';
import { ScreenDrawing } from '@plumbline/screens/screenDrawing';
import { fingerprint, makeTerminal, write } from '@plumbline/screens/screens.fixture';
import { afterAll, expect, it, onTestFinished } from 'vitest';
import type { ScreenAnswer } from '../../replay/model/recordingApi.ts';
import { tailOf, terminalFromScreen } from '../../replay/model/terminalState.ts';
import { screenAnswer } from './screenAnswer.ts';

const KEYFRAME = { cols: 90, rows: 20, offset: 1_000, screen: '\x1b[3;15r\x1b[5;1Hbefore' };
const KEYFRAME_EVENT = { type: 'terminal.keyframe', stream: 1, seq: 1, atMs: 1, data: KEYFRAME } as Extract<
  RecordedEvent,
  { type: 'terminal.keyframe' }
>;

/** Events after the keyframe: texts as output, and sizes. */
function after(...steps: (string | { cols: number; rows: number } | null)[]): RecordedEvent[] {
  let offset = KEYFRAME.offset;
  return steps.map((step, at) => {
    const place = { stream: 1, seq: at + 2, atMs: at + 2 };
    if (step === null) return { ...place, type: 'terminal.closed', data: { exitCode: 0, signal: null } };
    if (typeof step !== 'string') return { ...place, type: 'terminal.resized', data: step };
    const data: EventData<'terminal.output'> = { offset, bytes: Buffer.from(step) };
    offset += data.bytes.length;
    return { ...place, type: 'terminal.output', data };
  });
}

async function shown(answer: ScreenAnswer) {
  const state = terminalFromScreen(JSON.parse(JSON.stringify(answer)));
  if (state === null) return null;
  const page = makeTerminal(state.base.cols, state.base.rows);
  await write(page, state.base.screen);
  for (const step of tailOf(state)) {
    if (step.kind === 'resize') page.resize(step.cols, step.rows);
    else await write(page, step.bytes);
  }
  return fingerprint(page);
}

/** A seek of one page, or of one for each list of events. */
async function* pages(...lists: RecordedEvent[][]) {
  for (const [n, events] of lists.entries()) yield { keyframe: n === 0 ? KEYFRAME_EVENT : null, events };
}

const { signal } = new AbortController();
/** Which is given the time that a busy machine takes: what is not drawn by then is left to the page. */
const drawing = new ScreenDrawing({ drawMaxMs: 60_000, stuckAfterMs: 60_000 });
afterAll(() => drawing.dispose());
const answerOf = (of: ReturnType<typeof pages>, until: AbortSignal) => screenAnswer(1, of, until, drawing);
const isDrawn = async (events: RecordedEvent[]) => (await answerOf(pages(events), signal)).base?.offset !== KEYFRAME.offset;
const endOf = (event: RecordedEvent, end: number) => (event.type === 'terminal.output' ? event.data.offset + event.data.bytes.length : end);
const log = Array.from({ length: 5_000 }, (_, line) => `\x1b[3${line % 8}mline ${line} of a log\r\n`).join('');

it('gives a page a screen where much output follows the keyframe, which shows what all of the output does', async () => {
  // The thread begins with the first one that is asked for.
  await expect.poll(() => isDrawn(after(log))).toBe(true);
  const events = after(log, { cols: 70, rows: 24 }, `${log}\x1b[4;9Hthe end\x1b[3`, '1mred');
  const answer = await answerOf(pages(events), signal);
  expect(answer.tail).toEqual([]);
  expect(JSON.stringify(answer).length).toBeLessThan(20_000);
  const whole = makeTerminal(KEYFRAME.cols, KEYFRAME.rows);
  await write(whole, `${KEYFRAME.screen}${log}`);
  whole.resize(70, 24);
  await write(whole, `${log}\x1b[4;9Hthe end\x1b[31mred`);
  expect(await shown(answer)).toEqual(fingerprint(whole));
});

it('gives a page the output where it is short, and nothing where the terminal is closed', async () => {
  expect(await answerOf(pages(after('text', { cols: 80, rows: 24 })), signal)).toEqual({
    terminal: 1,
    base: KEYFRAME,
    begunAnew: false,
    tail: [
      { offset: 1_000, utf8: 'text' },
      { cols: 80, rows: 24 },
    ],
  });
  expect(await answerOf(pages(after(log, null)), signal)).toEqual({
    terminal: 1,
    base: null,
    begunAnew: false,
    tail: [],
  });
});

it('gives a page the output where nobody waits for a screen any more', async () => {
  await expect.poll(() => isDrawn(after(log))).toBe(true);
  const answer = await answerOf(pages(after(log)), AbortSignal.abort());
  expect(answer.base).toEqual(KEYFRAME);
});

it('draws a seek page by page, however much it is, to the screen that all of the output gives', async () => {
  await expect.poll(() => isDrawn(after(log))).toBe(true);
  const events = after(...Array.from({ length: 30 }, (_, n) => `${log}${n}`), '\x1b[4;9Hthe end');
  const answer = await answerOf(pages(...Array.from({ length: 8 }, (_, n) => events.slice(n * 4, n * 4 + 4))), signal);
  expect(JSON.stringify(answer).length).toBeLessThan(20_000);
  const whole = makeTerminal(KEYFRAME.cols, KEYFRAME.rows);
  for (const text of [KEYFRAME.screen, ...Array.from({ length: 30 }, (_, n) => `${log}${n}`), '\x1b[4;9Hthe end']) await write(whole, text);
  expect(await shown(answer)).toEqual(fingerprint(whole));
});

it('gives a screen that was begun anew after output that is missing, and says so, however it is drawn', async () => {
  await expect.poll(() => isDrawn(after(log))).toBe(true);
  for (const text of ['short', log]) {
    const events = after('before', { cols: 70, rows: 24 }, 'taken out', text, { cols: 60, rows: 22 }, 'the end').filter((_, n) => n !== 2);
    const answer = await answerOf(pages(events.slice(0, 2), events.slice(2)), signal);
    expect(answer.begunAnew).toBe(true);
    const anew = makeTerminal(70, 24);
    await write(anew, text);
    anew.resize(60, 22);
    await write(anew, 'the end');
    expect(await shown(answer)).toEqual(fingerprint(anew));
  }
});

it('gives the last of what it cannot draw, on an empty screen in the size that the terminal had by then', async () => {
  const megabyte = 'x'.repeat(1024 * 1024);
  // A single sequence without an end.
  const events = after({ cols: 70, rows: 24 }, '\x1b]0;', ...Array.from({ length: 12 }, () => megabyte), 'the end');
  const hurried = new ScreenDrawing();
  onTestFinished(() => hurried.dispose());
  await expect.poll(() => hurried.isReady()).toBe(true);
  const answer = await screenAnswer(1, pages(events), signal, hurried);
  expect(JSON.stringify(answer).length).toBeLessThan(5 * 1024 * 1024);
  expect([answer.begunAnew, answer.base?.screen]).toEqual([true, '']);
  const state = terminalFromScreen(answer);
  expect([state?.cols, state?.rows, state?.offset]).toEqual([70, 24, events.reduce((end, event) => endOf(event, end), 0)]);
  expect(answer.tail.at(-1)).toMatchObject({ utf8: expect.stringMatching(/the end$/) });
});

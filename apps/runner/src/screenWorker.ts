import { parentPort } from 'node:worker_threads';
import {
  headlessTerminal,
  isBetweenSequences,
  KEYFRAME_SCROLLBACK_LINES,
  type ScreenText,
  scrollbackLines,
  serialiseScreenWithin,
} from '@plumbline/screens';
import type { Terminal } from '@xterm/headless';
import type { FromScreens, ToScreens } from './screens.ts';

/**
 * The thread that parses terminal output, so that a flood never delays a keystroke. It alone answers what programs ask
 * the terminal: browsers swallow those queries.
 */

/** A screen as JSON. A frame that is too large for the link would end it, and a keyframe is sent again until it has arrived. */
const SCREEN_MAX_BYTES = 4 * 1024 * 1024;
/** A viewer of a screen that is larger goes on from here. */
const TOO_LARGE = 'This screen is too large to be sent again. What comes after it is shown.\r\n';
/** What colour queries are told: the default theme of the workspace's terminals. */
const COLOURS: Readonly<Record<number, string>> = { 10: 'e6e6/e6e6/e6e6', 11: '1111/1414/1818', 12: 'e6e6/e6e6/e6e6' };

interface Screen {
  readonly terminal: Terminal;
  /** Bytes parsed. */
  offset: number;
}

const screens = new Map<number, Screen>();
const port = parentPort;
if (port === null) throw new Error('the screen worker runs as a worker thread only');

function post(message: FromScreens): void {
  port?.postMessage(message);
}

function open(id: number, cols: number, rows: number): void {
  const terminal = headlessTerminal({ cols, rows, scrollback: scrollbackLines(cols), windowOptions: { getWinSizeChars: true } });
  terminal.onData((data) => post({ t: 'reply', id, bytes: Buffer.from(data) }));
  for (const [code, colour] of Object.entries(COLOURS)) {
    terminal.parser.registerOscHandler(Number(code), (data) => {
      if (data !== '?') return false;
      post({ t: 'reply', id, bytes: Buffer.from(`\x1b]${code};rgb:${colour}\x1b\\`) });
      return true;
    });
  }
  screens.set(id, { terminal, offset: 0 });
}

port.on('message', (message: ToScreens) => {
  if (message.t === 'open') {
    open(message.id, message.cols, message.rows);
    return;
  }
  const screen = screens.get(message.id);
  if (screen === undefined) {
    if (message.t === 'restore') post({ t: 'restored', id: message.id, question: message.question, screen: null });
    if (message.t === 'dropScrollback') post({ t: 'scrollbackDropped', question: message.question });
    return;
  }
  const { terminal } = screen;
  switch (message.t) {
    case 'write':
      terminal.write(message.bytes, () => {
        screen.offset += message.bytes.length;
        post({ t: 'parsed', id: message.id, offset: screen.offset });
      });
      return;
    // What follows waits its turn behind the bytes that were written before it.
    case 'resize':
      terminal.write('', () => {
        // Before the lines grow: all of them at the new width are what there is no room for.
        terminal.options.scrollback = scrollbackLines(message.cols);
        terminal.resize(message.cols, message.rows);
      });
      return;
    case 'keyframe':
      terminal.write('', () => {
        const answer = isBetweenSequences(terminal) ? describe(screen, KEYFRAME_SCROLLBACK_LINES) : 'unfinished';
        post({ t: 'keyframe', id: message.id, screen: answer });
      });
      return;
    case 'restore':
      terminal.write('', () => {
        const { cols, rows } = terminal;
        const restored = describe(screen, scrollbackLines(cols)) ?? { cols, rows, offset: screen.offset, screen: TOO_LARGE };
        post({ t: 'restored', id: message.id, question: message.question, screen: restored });
      });
      return;
    case 'dropScrollback':
      terminal.write('', () => {
        // Of the normal screen, the alternate one has none: by an option and not by a sequence, which a program may be in the middle of.
        terminal.options.scrollback = 0;
        terminal.options.scrollback = scrollbackLines(terminal.cols);
        post({ t: 'scrollbackDropped', question: message.question });
      });
      return;
    case 'close':
      screens.delete(message.id);
      terminal.write('', () => terminal.dispose());
  }
});

/** The screen with up to so many lines above it; null where it is too large to be sent. */
function describe({ terminal, offset }: Screen, scrollback: number): ScreenText | null {
  const screen = serialiseScreenWithin(terminal, scrollback, SCREEN_MAX_BYTES);
  return screen === null ? null : { cols: terminal.cols, rows: terminal.rows, offset, screen };
}

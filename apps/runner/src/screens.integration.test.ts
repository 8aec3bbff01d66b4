import pino from 'pino';
import { afterEach, expect, it } from 'vitest';
import { Screens } from './screens.ts';

const ROWS = 30;
const LINES = 12_000;
const OUTPUT = Buffer.from(Array.from({ length: LINES }, (_, n) => `${n}\r\n`).join(''));

let screens: Screens;

afterEach(() => screens.dispose());

function start(): void {
  screens = new Screens({
    logger: pino({ level: 'silent' }),
    onReply: () => {},
    onParsed: () => {},
    onKeyframe: () => {},
    onFailed: (error) => {
      throw error;
    },
  });
}

/** Lines above and on the screen that hold a number. */
async function keptLines(): Promise<number> {
  const restored = await screens.restore(1);
  return restored?.screen.match(/\d+(?=\r\n)/g)?.length ?? 0;
}

it('keeps ten thousand lines of a terminal of a usual width, and two million cells of a wide one', async () => {
  start();
  screens.open(1, 200, ROWS);
  screens.write(1, OUTPUT);
  expect(await keptLines()).toBe(10_000 + ROWS - 1);
  screens.close(1);
  screens.open(1, 1_000, ROWS);
  screens.write(1, OUTPUT);
  expect(await keptLines()).toBe(2_000 + ROWS - 1);
});

it('keeps no more of a terminal that is made wide later', async () => {
  start();
  screens.open(1, 100, ROWS);
  screens.write(1, OUTPUT);
  screens.resize(1, 1_000, ROWS);
  expect(await keptLines()).toBe(2_000 + ROWS - 1);
});

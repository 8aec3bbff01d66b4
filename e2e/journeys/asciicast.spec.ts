import { createRequire } from 'node:module';
import { expect, test } from '@playwright/test';
import type { RecordedEvent } from '@plumbline/protocol';
import { CastWriter, castMarkerOf } from '@plumbline/recording/asciicast';

const require = createRequire(import.meta.url);

/** A terminal that changes its size, a score amid its output, and a line of which each byte came by itself. */
function cast(): string {
  const writer = new CastWriter();
  let offset = 0;
  const output = (atMs: number, bytes: Uint8Array): RecordedEvent => {
    const event: RecordedEvent = { seq: 2, type: 'terminal.output', stream: 1, atMs, data: { offset, bytes } };
    offset += bytes.length;
    return event;
  };
  const line = Buffer.from('größer 漢字 🙂 done\r\n');
  const score = { scoreId: 's', n: 2, trigger: 'participant', status: 'scored', score: 0.5, message: null, durationMs: 1 };
  const scored: RecordedEvent = { seq: 3, type: 'score.finished', stream: 0, atMs: 1_500, data: score };
  const events: RecordedEvent[] = [
    { seq: 1, type: 'terminal.opened', stream: 1, atMs: 0, data: { cols: 40, rows: 5, term: 'xterm-256color', shell: '/bin/bash' } },
    output(500, Buffer.from(`${'x'.repeat(45)}\r\n`)),
    { seq: 4, type: 'terminal.resized', stream: 1, atMs: 1_000, data: { cols: 60, rows: 8 } },
    ...[...line].map((_, at) => output(2_000 + at, line.subarray(at, at + 1))),
    output(3_000, Buffer.from(`\x1b[5;1H${'y'.repeat(58)}`)),
    { seq: 5, type: 'terminal.closed', stream: 1, atMs: 3_100, data: { exitCode: 0, signal: null } },
  ];
  let text = events
    .slice(0, 3)
    .map((event) => writer.write(event))
    .join('');
  const marker = castMarkerOf(scored);
  if (marker !== null) text += writer.mark(marker);
  return (
    text +
    events
      .slice(3)
      .map((event) => writer.write(event))
      .join('')
  );
}

interface AsciinemaPlayer {
  addEventListener(name: string, heard: (detail: unknown) => void): void;
  play(): Promise<void>;
  getDuration(): number;
}

test('asciinema’s own player plays an exported cast to its last screen, with its sizes, markers and characters', async ({ page }) => {
  await page.setContent('<div id="cast"></div>');
  await page.addStyleTag({ path: require.resolve('asciinema-player/dist/bundle/asciinema-player.css') });
  await page.addScriptTag({ path: require.resolve('asciinema-player/dist/bundle/asciinema-player.min.js') });
  const { markers, durationS } = await page.evaluate(async (data) => {
    const { AsciinemaPlayer } = window as unknown as { AsciinemaPlayer: { create(...args: unknown[]): AsciinemaPlayer } };
    const player = AsciinemaPlayer.create({ data }, document.getElementById('cast'), { speed: 4, fit: false });
    const heard: unknown[] = [];
    player.addEventListener('marker', (detail) => heard.push(detail));
    const ended = new Promise((resolve) => player.addEventListener('ended', resolve));
    await player.play();
    await ended;
    return { markers: heard, durationS: player.getDuration() };
  }, cast());
  expect(markers).toMatchObject([{ time: 1.5, label: 'Score 2: 0.5' }]);
  expect(durationS).toBeCloseTo(3, 0);
  const lines = page.locator('.ap-term-text .ap-line');
  await expect(lines).toHaveCount(8);
  const shown = async () => (await lines.allTextContents()).map((row) => row.replaceAll('\u00a0', ' ').trimEnd());
  // What was wrapped at forty columns is whole at sixty. The player says that it has ended before it draws its last frame.
  await expect.poll(shown).toEqual(['x'.repeat(45), 'größer 漢字 🙂 done', '', '', 'y'.repeat(58), '', '', '']);
});

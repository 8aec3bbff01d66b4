import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type GatewayToBrowser, type RecordedEvent, VIEWER_BEHIND_MAX_BYTES, VIEWER_CREDIT_BYTES } from '@plumbline/protocol';
import headless from '@xterm/headless';
import { until } from '../support/attempt.ts';
import { PlatformUnderTest } from '../support/platform.ts';
import { findFaults, readEvents } from '../support/recordingCheck.ts';
import { Session } from '../support/session.ts';
import { Tab } from '../support/tab.ts';
import { AttemptTerminal, outputUntil } from './attemptTerminal.ts';
import { type BenchTerminal, LoopbackTerminal } from './loopback.ts';
import { ProcessWatch, processesOf } from './processes.ts';
import { rounded } from './summary.ts';

/** Lines of 76 characters and a newline: 100 MiB but for a part of a line. */
const LINES = 1_361_787;
/** A terminal turns each newline into two bytes. */
const FLOOD_BYTES = LINES * 78;
/** Around the flood. The line that prints them has them in parts, and the flood's alphabet has no hyphen. */
const FLOOD_BEGIN = Buffer.from('flood-begin');
const FLOOD_END = Buffer.from('flood-end');
const SCREEN = { cols: 120, rows: 30 };
/** More than any screen of this size can show: a viewer that has this much of the end has the same screen. */
const SCREEN_TAIL_BYTES = 64 * 1024;

/** The most memory that each may have, MB: more than was ever seen (329 and 367), and less than with the flood held in it. */
const RSS_MAX_MB: Readonly<Record<string, number>> = { gateway: 420, runner: 450 };

type Restore = Extract<GatewayToBrowser, { t: 'restore' }>;

/** 100 MB through a terminal with one viewer that draws and one that does not. Fails where a byte is not in the recording. */
export async function benchFlood(): Promise<Record<string, unknown>> {
  const home = mkdtempSync(join(tmpdir(), 'plumbline-bench-'));
  const platform = await PlatformUnderTest.start();
  const loopback = await LoopbackTerminal.start(home);
  try {
    const attempt = await AttemptTerminal.start(platform);
    const expert = await Session.signIn(platform.baseUrl, 'expert@demo.plumbline.local', platform.demoPassword);
    const slow = new Tab(expert, attempt.tab.attemptId);
    let restore: Restore | null = null;
    slow.onMessage = (message) => {
      if (message.t === 'restore') restore = message;
    };
    await slow.open();
    slow.watch(attempt.terminal);
    await until('the second viewer sees the terminal', () => restore !== null);
    slow.drawing = false;

    await prepare(loopback, 'flood.txt');
    const bareBefore = await flood(loopback, 'flood.txt');
    const expectedHash = await prepare(attempt, '/tmp/flood.txt');
    const watch = new ProcessWatch(processesOf(platform, attempt.tab.attemptId));
    const shown = await flood(attempt, '/tmp/flood.txt');
    // Typed behind the flood and so recorded behind it: once it is durable, all of the flood is.
    const durableFromMs = performance.now();
    attempt.type(':\n');
    await attempt.typedIsDurable();
    const recordedMs = shown.elapsedMs + (performance.now() - durableFromMs);
    const processes = watch.stop();

    const bareAfter = await flood(loopback, 'flood.txt');

    const slowBehindBytes = slow.text(attempt.terminal).length;
    restore = null;
    slow.drawAll();
    await until('the slow viewer gets a fresh screen', () => restore !== null);
    await sleep(500);
    const faults = await screenFaults(attempt, slow, restore as unknown as Restore);

    const events = await readEvents(platform, attempt.tab.attemptId);
    faults.push(...findFaults(events, attempt.tab), ...findFaults(events, slow));
    // What is on its way when it stops drawing is shown too.
    if (slowBehindBytes > VIEWER_BEHIND_MAX_BYTES + VIEWER_CREDIT_BYTES)
      faults.push(`a viewer that does not draw was sent ${slowBehindBytes} bytes`);
    for (const [name, mostMb] of Object.entries(RSS_MAX_MB)) {
      const peakMb = processes[name]?.rssPeakMb ?? Number.NaN;
      if (!(peakMb <= mostMb)) faults.push(`${name} had ${peakMb} MB, of the ${mostMb} that it may`);
    }
    if (hashOfFlood(events, attempt.terminal) !== expectedHash) faults.push('the recorded output is not what the program printed');

    // Before and after, because what else the machine does changes within seconds.
    const bare = speed((bareBefore.elapsedMs + bareAfter.elapsedMs) / 2);
    const whole = { mbPerSecond: speed(recordedMs), shownMbPerSecond: speed(shown.elapsedMs), shownBytes: shown.bytes };
    return {
      bench: 'flood',
      megabytes: rounded(FLOOD_BYTES / 1e6),
      platform: whole,
      loopback: { mbPerSecond: bare, beforeMbPerSecond: speed(bareBefore.elapsedMs), afterMbPerSecond: speed(bareAfter.elapsedMs) },
      processes,
      slowViewer: { sentWhileBehindBytes: slowBehindBytes },
      ratio: rounded(whole.mbPerSecond / bare),
      faults,
    };
  } finally {
    loopback.stop();
    await platform.stop();
    rmSync(home, { recursive: true, force: true });
  }
}

/** Makes the file, and answers the hash of what `cat` prints of it behind a terminal's newline mapping. */
async function prepare(terminal: BenchTerminal, file: string): Promise<string> {
  let text = '';
  const hash = new Promise<string>((resolve) => {
    terminal.onOutput = (bytes) => {
      text += Buffer.from(bytes).toString('latin1');
      const found = /@([0-9a-f]{64})/.exec(text)?.[1];
      if (found !== undefined) resolve(found);
    };
  });
  terminal.type(`base64 -w 76 /dev/urandom | head -n ${LINES} > ${file}; printf '@%s\\n' $(sed 's/$/\\r/' ${file} | sha256sum)\n`);
  const found = await hash;
  await sleep(1_000);
  return found;
}

function flood(terminal: BenchTerminal, file: string): Promise<{ bytes: number; elapsedMs: number }> {
  return outputUntil(terminal, FLOOD_END, () => terminal.type(`printf '%s-%s' flood begin; cat ${file}; printf '%s-%s\\n' flood end\n`));
}

/** The hash of what stands between the flood's two marks in a terminal's recorded output. */
function hashOfFlood(events: readonly RecordedEvent[], terminal: number): string {
  const output = Buffer.concat(
    events.flatMap((event) => (event.type === 'terminal.output' && event.stream === terminal ? [event.data.bytes] : [])),
  );
  const begin = output.indexOf(FLOOD_BEGIN) + FLOOD_BEGIN.length;
  return createHash('sha256')
    .update(output.subarray(begin, output.indexOf(FLOOD_END, begin)))
    .digest('hex');
}

/** Both viewers' screens as a terminal draws them, each from its last whole screen and the end of what followed it. */
async function screenFaults(attempt: AttemptTerminal, slow: Tab, restore: Restore): Promise<string[]> {
  const drawn = attempt.tab.shown.get(attempt.terminal)?.at(-1)?.bytes ?? [];
  let from = drawn.length;
  for (let bytes = 0; from > 0 && bytes < SCREEN_TAIL_BYTES; bytes += drawn[from]?.length ?? 0) from -= 1;
  const normal = await screenText([attempt.screen, ...drawn.slice(from)]);
  const fresh = await screenText([restore.screen, ...(slow.shown.get(attempt.terminal)?.at(-1)?.bytes ?? [])]);
  if (normal === fresh) return [];
  return [`the slow viewer's screen is not the other's:\n${fresh}\n--- instead of\n${normal}`];
}

async function screenText(parts: readonly (string | Uint8Array)[]): Promise<string> {
  const terminal = new headless.Terminal({ ...SCREEN, scrollback: 0, allowProposedApi: true });
  for (const part of parts) await new Promise<void>((resolve) => terminal.write(part, resolve));
  const { active } = terminal.buffer;
  return Array.from({ length: SCREEN.rows }, (_, row) => active.getLine(active.baseY + row)?.translateToString(true) ?? '').join('\n');
}

function speed(elapsedMs: number): number {
  return rounded(FLOOD_BYTES / 1e6 / (elapsedMs / 1_000));
}

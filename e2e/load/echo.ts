import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { PlatformUnderTest } from '../support/platform.ts';
import { findFaults, readEvents, recordedInput } from '../support/recordingCheck.ts';
import { AttemptTerminal, outputUntil } from './attemptTerminal.ts';
import { type BenchTerminal, LoopbackTerminal } from './loopback.ts';
import { latencyOf, latencyRatio } from './summary.ts';

const SAMPLES = 1_000;
/** Both sides take turns of this many keys, so that whatever else the machine does hits them alike. */
const TURN = 50;
/** Between an echo and the next key: a fast typist's bursts and a slow one's pauses. */
const GAP_MIN_MS = 25;
const GAP_MAX_MS = 125;
const ECHO_LIMIT_MS = 10_000;
const KILL_LINE = '\x15';

/** Keystroke to screen through the whole path, against the same shell on a bare PTY. Fails where typing is not in the recording. */
export async function benchEcho(): Promise<Record<string, unknown>> {
  const home = mkdtempSync(join(tmpdir(), 'plumbline-bench-'));
  const platform = await PlatformUnderTest.start();
  const loopback = await LoopbackTerminal.start(home);
  try {
    const attempt = await AttemptTerminal.start(platform);
    const typists = { platform: new Typist(attempt), loopback: new Typist(loopback) };
    for (const typist of Object.values(typists)) await typist.settle();
    for (let done = 0; done < SAMPLES; done += TURN) {
      await typists.platform.turn();
      await typists.loopback.turn();
    }
    await attempt.typedIsDurable();

    const events = await readEvents(platform, attempt.tab.attemptId);
    const faults = findFaults(events, attempt.tab);
    if (recordedInput(events, attempt.tab, attempt.terminal) !== typists.platform.typed)
      faults.push('the recorded input is not what was typed');
    const [whole, bare] = [latencyOf(typists.platform.times), latencyOf(typists.loopback.times)];
    return {
      bench: 'echo',
      platform: whole,
      loopback: bare,
      typedBytes: typists.platform.typed.length,
      ratio: latencyRatio(whole, bare),
      faults,
    };
  } finally {
    loopback.stop();
    await platform.stop();
    rmSync(home, { recursive: true, force: true });
  }
}

/** Types letters one by one and times how long each takes to come back. */
class Typist {
  readonly times: number[] = [];
  typed = '';
  readonly #terminal: BenchTerminal;

  constructor(terminal: BenchTerminal) {
    this.#terminal = terminal;
  }

  /** Waits for the shell's prompt. The marker is split, so that the echo of the line does not look like its output. */
  async settle(): Promise<void> {
    await outputUntil(this.#terminal, Buffer.from('shell-ready'), () => this.#type("echo shell-'ready'\n"));
    await sleep(500);
  }

  async turn(): Promise<void> {
    for (let i = 0; i < TURN; i++) {
      await sleep(GAP_MIN_MS + Math.random() * (GAP_MAX_MS - GAP_MIN_MS));
      const letter = String.fromCharCode(97 + Math.floor(Math.random() * 26));
      this.times.push(await this.#echoed(letter));
    }
    this.#type(KILL_LINE);
    await sleep(200);
  }

  #echoed(letter: string): Promise<number> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new Error(`the letter ${letter} was not echoed within ${ECHO_LIMIT_MS / 1000} s`)),
        ECHO_LIMIT_MS,
      );
      const sentMs = performance.now();
      this.#terminal.onOutput = (bytes) => {
        if (!bytes.includes(letter.charCodeAt(0))) return;
        const elapsedMs = performance.now() - sentMs;
        clearTimeout(timer);
        this.#terminal.onOutput = () => {};
        resolve(elapsedMs);
      };
      this.#type(letter);
    });
  }

  #type(text: string): void {
    this.typed += text;
    this.#terminal.type(text);
  }
}

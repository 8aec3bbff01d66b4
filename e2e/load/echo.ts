import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expertWith } from '../support/accounts.ts';
import { startAttempt } from '../support/attempt.ts';
import { launchChromium } from '../support/chromium.ts';
import { PlatformUnderTest } from '../support/platform.ts';
import { findFaults, readEvents, recordedInput } from '../support/recordingCheck.ts';
import { Session } from '../support/session.ts';
import { AttemptTerminal, outputUntil } from './attemptTerminal.ts';
import { Crowd } from './crowd.ts';
import { type BenchTerminal, LoopbackTerminal } from './loopback.ts';
import { PaintedKeys, type Renderer, WEBGL_ARGUMENTS } from './paintedKeys.ts';
import { ProcessWatch, processesOf } from './processes.ts';
import { latencyOf, latencyRatio, rounded } from './summary.ts';
import { nextGapMs, randomLetter } from './typing.ts';

const SAMPLES = 1_000;
/** Both sides take turns of this many keys, so that whatever else the machine does hits them alike. */
const TURN = 50;
const ECHO_LIMIT_MS = 10_000;
const KILL_LINE = '\x15';
/** Letters in a browser, while so many other attempts are live. */
const PAINTED_SAMPLES = 400;
const CROWDS = [0, 10, Number(process.env.BENCH_ATTEMPTS ?? 50)];
/** Of a letter in a browser, from key to screen, while the others are live. */
const PAINTED_P95_MAX_MS = 50;

/**
 * Keystroke to socket through the whole path, against the same shell on a bare PTY; and keystroke to screen in a browser, alone
 * and with 50 other live attempts on the same gateway. Fails where typing, or what a tab was shown, is not in the recording.
 */
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
    attempt.tab.end();
    loopback.stop();
    const painted = await paintedKeys(platform);
    return {
      bench: 'echo',
      platform: whole,
      loopback: bare,
      typedBytes: typists.platform.typed.length,
      ratio: latencyRatio(whole, bare),
      painted: painted.figures,
      meets: painted.figures.figures.map(({ webgl, dom }) => ({
        webgl: webgl.p95Ms < PAINTED_P95_MAX_MS,
        dom: dom.p95Ms < PAINTED_P95_MAX_MS,
      })),
      faults: [...faults, ...painted.faults],
    };
  } finally {
    loopback.stop();
    await platform.stop();
    rmSync(home, { recursive: true, force: true });
  }
}

/** What a person sees in a browser of the production build, with each way in which a terminal is drawn, and what its attempt is among. */
async function paintedKeys(platform: PlatformUnderTest) {
  const admin = await Session.signIn(platform.baseUrl, 'admin@demo.plumbline.local', platform.demoPassword);
  const browsers = { webgl: await launchChromium(...WEBGL_ARGUMENTS), dom: await launchChromium() };
  try {
    const open = async (renderer: Renderer) => {
      const { account, session } = await expertWith(platform.baseUrl, admin, /practice/i);
      const page = await (
        await browsers[renderer].newContext({ baseURL: platform.baseUrl, viewport: { width: 1440, height: 900 } })
      ).newPage();
      return PaintedKeys.open(page, account, await startAttempt(session, /practice/i), renderer);
    };
    const keys = { webgl: await open('webgl'), dom: await open('dom') };
    const crowd = new Crowd(platform, admin);
    const figures = [];
    for (const size of CROWDS) {
      await crowd.growTo(size, say);
      const watch = new ProcessWatch(processesOf(platform, keys.webgl.attemptId));
      crowd.beginCount();
      const webgl = await keys.webgl.measure(PAINTED_SAMPLES);
      const dom = await keys.dom.measure(PAINTED_SAMPLES);
      const loadAverage = rounded(loadavg()[0] ?? 0);
      const measured = { others: size > 0 ? crowd.count() : null, webgl, dom, loadAverage, processes: watch.stop() };
      figures.push(measured);
      say(`with ${size} others: ${JSON.stringify(measured)}`);
    }
    const faults = await crowd.disperse();
    const silent = figures.at(-1)?.others?.silent ?? 0;
    if (silent > 0) faults.push(`${silent} of the other attempts showed nothing`);
    for (const { attemptId, typed } of Object.values(keys)) {
      const recorded = (await readEvents(platform, attemptId)).flatMap((event) =>
        event.type === 'terminal.input' && event.data.bytes !== undefined ? [Buffer.from(event.data.bytes)] : [],
      );
      if (Buffer.concat(recorded).toString() !== typed) faults.push('the recorded input of a browser is not what was typed');
    }
    return { figures: { budgetP95Ms: PAINTED_P95_MAX_MS, cores: cpus().length, figures }, faults };
  } finally {
    for (const browser of Object.values(browsers)) await browser.close();
  }
}

/** It takes minutes: where it is, for whoever waits. */
const say = (text: string) => console.error(`${(performance.now() / 1000).toFixed(0)} s: ${text}`);

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
      await sleep(nextGapMs());
      this.times.push(await this.#echoed(randomLetter()));
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

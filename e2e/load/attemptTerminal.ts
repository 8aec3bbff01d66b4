import { startAttempt, until } from '../support/attempt.ts';
import type { PlatformUnderTest } from '../support/platform.ts';
import { Session } from '../support/session.ts';
import { Tab } from '../support/tab.ts';
import type { BenchTerminal } from './loopback.ts';

/** A terminal of a running attempt, reached as a participant's browser reaches it: the public port, and by it the gateway. */
export class AttemptTerminal implements BenchTerminal {
  onOutput: (bytes: Uint8Array) => void = () => {};
  readonly tab: Tab;
  readonly terminal: number;
  /** The last screen that came whole; what the tab was shown since then follows it. */
  screen = '';

  private constructor(tab: Tab, terminal: number) {
    this.tab = tab;
    this.terminal = terminal;
    tab.onOutput = (id, bytes) => {
      if (id === terminal) this.onOutput(bytes);
    };
    // A viewer that fell behind sees the end of a flood in the screen that it gets instead of bytes.
    tab.onMessage = (message) => {
      if (message.t !== 'restore' || message.terminal !== terminal) return;
      this.screen = message.screen;
      this.onOutput(Buffer.from(message.screen));
    };
    tab.watch(terminal);
  }

  /** Starts the practice attempt of the demo's expert and opens a terminal in it. */
  static async start(platform: PlatformUnderTest): Promise<AttemptTerminal> {
    const session = await Session.signIn(platform.baseUrl, 'expert@demo.plumbline.local', platform.demoPassword);
    const tab = new Tab(session, await startAttempt(session, /practice/i));
    await tab.open();
    await until('the sandbox is attached', () => tab.sandbox === 'attached');
    const { terminal } = await tab.request('terminal.open', { cols: 120, rows: 30 });
    return new AttemptTerminal(tab, terminal);
  }

  type(text: string): void {
    this.tab.type(this.terminal, text);
  }

  /** Resolves when the recording holds everything that was typed, and so all output that stood before it. */
  async typedIsDurable(): Promise<void> {
    await until('everything typed is durable', () => this.tab.unacknowledgedInput === 0, 120_000);
  }
}

/** Types a line and resolves with all output from then on, once `marker` stands in it. */
export function outputUntil(
  terminal: BenchTerminal,
  marker: Buffer,
  type: () => void,
  limitMs = 300_000,
): Promise<{ bytes: number; elapsedMs: number }> {
  return new Promise((resolve, reject) => {
    const startMs = performance.now();
    let bytes = 0;
    let tail: Buffer = Buffer.alloc(0);
    const timer = setTimeout(() => reject(new Error(`no ${JSON.stringify(marker.toString())} came within ${limitMs / 1000} s`)), limitMs);
    terminal.onOutput = (chunk) => {
      bytes += chunk.length;
      tail = Buffer.concat([tail, chunk]).subarray(-marker.length - chunk.length);
      if (!tail.includes(marker)) return;
      clearTimeout(timer);
      terminal.onOutput = () => {};
      resolve({ bytes, elapsedMs: performance.now() - startMs });
    };
    type();
  });
}

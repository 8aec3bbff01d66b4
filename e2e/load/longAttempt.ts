import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type EventInput, isWholeTextDue } from '@plumbline/protocol';
import { randomFrom } from '../support/random.ts';
import { withKeyframes } from './keyframes.ts';

/**
 * A day at work that nobody had: commands typed and echoed, training logs, progress bars, a full-screen editor, files
 * edited and saved in the browser, and thinking. The same seed gives the same day.
 */

export interface LongAttemptOptions {
  readonly startMs: number;
  readonly lengthMs: number;
  readonly seed: number;
  /** Terminals put out at least so much in all: what the day itself does not, logs that are printed make up for. */
  readonly outputBytes: number;
}

const TAB = '00000000-0000-4000-8000-00000000000a';
const PATH = 'solution/train.py';
const SOURCE = readFileSync(join(import.meta.dirname, '../../environments/practice/practice.py'), 'utf8');
const COMMANDS = ['ls -la', 'python3 train.py --steps 2000', 'nvidia-smi', 'git diff', 'pip install einops', 'task score', 'vim notes.md'];

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

/** The events of the day in order, and the versions of its file that were saved. */
export async function longAttempt(options: LongAttemptOptions): Promise<{ events: EventInput[]; savedVersions: string[] }> {
  const day = new Day(options);
  day.run();
  return { events: await withKeyframes(day.events), savedVersions: day.savedVersions };
}

class Day {
  readonly events: EventInput[] = [];
  readonly savedVersions: string[] = [];
  private readonly options: LongAttemptOptions;
  private readonly random: () => number;
  private nowMs: number;
  private readonly offsets = new Map<number, number>();
  private inputN = 0;
  private text = SOURCE;
  private version = 1;
  private changes = 0;
  private outputBytes = 0;
  private outputBytesAtText = 0;

  constructor(options: LongAttemptOptions) {
    this.options = options;
    this.random = randomFrom(options.seed);
    this.nowMs = options.startMs;
  }

  run(): void {
    const endMs = this.options.startMs + this.options.lengthMs;
    this.push('clock.event', 0, { n: 1, event: { kind: 'started' } });
    for (const terminal of [1, 2])
      this.push('terminal.opened', terminal, { cols: 120, rows: 30, term: 'xterm-256color', shell: '/bin/bash' });
    this.push('editor.opened', 0, { tab: TAB, path: PATH, hash: sha256(this.text), version: 1, text: this.text });
    let sampledMs = this.nowMs;
    let scores = 0;
    while (this.nowMs < endMs) {
      const kind = this.random();
      if (kind < 0.3) this.edit();
      else if (kind < 0.5) this.command();
      else if (kind < 0.75) this.train();
      else if (kind < 0.8) this.install();
      else if (kind < 0.85) this.fullScreen();
      else this.nowMs += 20_000 + this.random() * 120_000;
      for (; sampledMs < this.nowMs; sampledMs += 10_000) {
        const sample = {
          cpuMs: Math.round(sampledMs - this.options.startMs),
          memoryBytes: 2e9 + Math.round(this.random() * 1e9),
          processes: 4,
        };
        this.events.push({ type: 'resource.sample', stream: 0, atMs: sampledMs, data: sample });
      }
      if ((this.nowMs - this.options.startMs) / 1_800_000 > scores) this.score(++scores);
      const due = (this.options.outputBytes * (this.nowMs - this.options.startMs)) / this.options.lengthMs;
      while (this.outputBytes < due) this.print();
    }
    this.nowMs = endMs;
    this.push('clock.event', 0, { n: 2, event: { kind: 'submitted' } });
    this.events.sort((a, b) => a.atMs - b.atMs);
  }

  private push<T extends EventInput['type']>(type: T, stream: number, data: Extract<EventInput, { type: T }>['data']): void {
    this.events.push({ type, stream, atMs: Math.round(this.nowMs * 1000) / 1000, data } as EventInput);
  }

  private output(terminal: number, text: string): void {
    const bytes = Buffer.from(text);
    const offset = this.offsets.get(terminal) ?? 0;
    this.push('terminal.output', terminal, { offset, bytes });
    this.offsets.set(terminal, offset + bytes.length);
    this.outputBytes += bytes.length;
  }

  private logLine(): string {
    const number = (digits: number) => (this.random() * 10).toFixed(digits);
    return `step ${Math.floor(this.random() * 1e5)} | loss ${number(4)} | lr ${number(6)}e-4 | grad ${number(3)} | ${number(1)}k tok/s`;
  }

  private type(text: string): void {
    for (const key of text) {
      this.nowMs += 60 + this.random() * 160;
      this.inputN += 1;
      this.push('terminal.input', 1, { tab: TAB, n: this.inputN, bytes: Buffer.from(key) });
      this.nowMs += 1 + this.random() * 3;
      this.output(1, key === '\r' ? '\r\n' : key);
    }
  }

  private command(): void {
    const text = COMMANDS[Math.floor(this.random() * COMMANDS.length)] ?? 'ls';
    this.type(`${text}\r`);
    this.push('command.started', 1, { text, directory: '/home/agent' });
    this.nowMs += this.random() * 2_000;
    for (let line = 0; line < 3 + this.random() * 25; line++)
      this.output(1, `-rw-r--r-- 1 agent agent ${Math.floor(this.random() * 1e6)} ${this.logLine()}\r\n`);
    this.push('command.finished', 1, { exitCode: this.random() < 0.9 ? 0 : 1, durationMs: 900 });
    this.output(1, '\x1b[?2004h~/solution$ ');
    this.nowMs += 1_000 + this.random() * 8_000;
  }

  private train(): void {
    for (const untilMs = this.nowMs + 60_000 + this.random() * 400_000; this.nowMs < untilMs; this.nowMs += 300 + this.random() * 1_400) {
      this.output(2, `\x1b[32m${new Date(this.nowMs).toISOString()}\x1b[0m ${this.logLine()}\r\n`);
    }
  }

  private install(): void {
    for (let percent = 0; percent <= 100; percent += 1 + Math.floor(this.random() * 3)) {
      this.nowMs += 40 + this.random() * 120;
      this.output(
        1,
        `\r\x1b[2K\x1b[1;32m${'━'.repeat(percent / 2)}\x1b[90m${'━'.repeat(50 - percent / 2)}\x1b[0m ${percent}% ${(this.random() * 80).toFixed(1)} MB/s`,
      );
    }
    this.output(1, '\r\n~/solution$ ');
  }

  private fullScreen(): void {
    this.output(1, '\x1b[?1049h\x1b[H\x1b[2J');
    for (let redraw = 0; redraw < 40; redraw++) {
      this.nowMs += 100 + this.random() * 900;
      const row = 1 + Math.floor(this.random() * 28);
      this.output(1, `\x1b[${row};1H\x1b[K${this.logLine()}\x1b[30;1H\x1b[7m NORMAL \x1b[0m${row}`);
    }
    this.output(1, '\x1b[?1049l');
  }

  private edit(): void {
    const place = { tab: TAB, path: PATH };
    let at = Math.floor(this.random() * this.text.length);
    const from = Math.floor(this.random() * (SOURCE.length - 400));
    for (const character of SOURCE.slice(from, from + 40 + this.random() * 260)) {
      this.nowMs += 80 + this.random() * 200;
      this.text = this.text.slice(0, at) + character + this.text.slice(at);
      this.version += 1;
      this.push('editor.changed', 0, { ...place, version: this.version, changes: [{ offset: at, length: 0, text: character }] });
      at += 1;
      this.changes += 1;
      const outputBytes = this.outputBytes - this.outputBytesAtText;
      if (isWholeTextDue({ changes: this.changes, length: this.text.length, outputBytes })) {
        this.push('editor.text', 0, { ...place, version: this.version, text: this.text });
        this.changes = 0;
        this.outputBytesAtText = this.outputBytes;
      }
      if (this.random() < 0.25) this.push('editor.selection', 0, { ...place, anchor: at, active: at });
      // What is written is also deleted again, so that the file stays a file that people write.
      if (this.text.length > 24_000) {
        this.text = this.text.slice(0, 16_000);
        this.version += 1;
        this.push('editor.changed', 0, { ...place, version: this.version, changes: [{ offset: 16_000, length: 8_001, text: '' }] });
        at = Math.min(at, 16_000);
      }
    }
    this.savedVersions.push(this.text);
    this.push('editor.saved', 0, { ...place, hash: sha256(this.text), size: this.text.length });
    this.nowMs += 1_000 + this.random() * 20_000;
  }

  private score(n: number): void {
    const score = { scoreId: `score-${n}`, n, trigger: 'participant' };
    this.push('score.requested', 0, { ...score, elapsedMs: this.nowMs - this.options.startMs });
    this.nowMs += 4_000;
    this.push('score.finished', 0, { ...score, status: 'scored', score: this.random(), message: null, durationMs: 4_000 });
  }

  /** A log of 256 KiB, printed at once. */
  private print(): void {
    for (let piece = 0; piece < 8; piece++) {
      let text = '';
      while (text.length < 32 * 1024) text += `${this.logLine()}\r\n`;
      this.output(2, text);
      this.nowMs += 5;
    }
  }
}

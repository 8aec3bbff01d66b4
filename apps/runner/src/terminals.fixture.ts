import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '@plumbline/config/systemClock';
import type { Clock } from '@plumbline/core';
import { decodeRunnerFrame, type RunnerFrame } from '@plumbline/protocol';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, vi } from 'vitest';
import { EventLog, type LogState, openJournal } from './eventLog.ts';
import type { Journal, JournalEntry } from './journal.ts';
import { OutputAllowance } from './outputAllowance.ts';
import { ServerTime } from './serverTime.ts';
import { Terminals } from './terminals.ts';

const TAB = 'b5a1c0de-0000-4000-8000-000000000001';

const SYSTEM_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** Terminals with real shells over a journal that tells a test what it was given, from their start to their end in each test. */
export class TerminalRig {
  dir = '';
  journal!: Journal<LogState>;
  log!: EventLog;
  terminals!: Terminals;
  allowance!: OutputAllowance;
  entries: JournalEntry[] = [];
  nextN = 1;
  /** So much later than it is, for what comes only after a while. */
  skippedMs = 0;
  private readonly clock: Clock = { ...systemClock, monoMs: () => systemClock.monoMs() + this.skippedMs };

  constructor() {
    beforeEach(() => {
      this.dir = mkdtempSync(join(tmpdir(), 'terminals-'));
      this.nextN = 1;
      this.skippedMs = 0;
      this.start();
    });
    afterEach(async () => {
      await this.terminals.dispose();
      this.journal.close();
      rmSync(this.dir, { recursive: true, force: true });
    });
  }

  start(limits: { freeBytes?: number; slowBytesPerSecond?: number } = {}): void {
    this.journal = openJournal(join(this.dir, 'journal'));
    this.log = new EventLog(this.journal, new ServerTime(systemClock), systemClock);
    this.entries = [];
    this.log.deliverTo((entry) => this.entries.push(entry));
    this.allowance = new OutputAllowance({ clock: systemClock, ...limits });
    this.shells(['--norc', '--noprofile'], { PS1: '$ ' });
  }

  /** Terminals whose shells are bash with these arguments. */
  shells(args: readonly string[], added: Record<string, string> = {}): void {
    this.terminals = new Terminals({
      allowance: this.allowance,
      log: this.log,
      clock: this.clock,
      logger: pino({ level: 'silent' }),
      shellCommand: (env) => ({
        file: '/bin/bash',
        args: [...args],
        env: { ...env, PATH: SYSTEM_PATH, ...added, HOME: this.dir, LANG: 'C.UTF-8' },
        cwd: this.dir,
      }),
      onListChanged: () => {},
    });
  }

  frames(): RunnerFrame[] {
    return this.entries
      .filter(({ kind }) => kind === 'binary')
      .map(({ body }) => decodeRunnerFrame(body))
      .filter((frame) => frame !== null);
  }

  events(): { type: string; stream: number; data: Record<string, unknown> }[] {
    return this.entries.filter(({ kind }) => kind === 'text').map(({ body }) => JSON.parse(body.toString()));
  }

  keyframesOf(id: number) {
    return this.events().filter(({ type, stream }) => type === 'terminal.keyframe' && stream === id);
  }

  outputBytes(id: number): Buffer {
    return Buffer.concat(
      this.frames().flatMap((frame) => (frame.kind === 'output' && frame.terminal === id ? [Buffer.from(frame.bytes)] : [])),
    );
  }

  type(id: number, text: string | Uint8Array, more = false): void {
    const bytes = typeof text === 'string' ? Buffer.from(text) : text;
    this.terminals.input({ tab: TAB, terminal: id, n: this.nextN++, more, bytes });
  }

  async seen(id: number, text: string | RegExp, timeoutMs = 60_000): Promise<void> {
    await vi.waitFor(() => expect(this.outputBytes(id).toString()).toMatch(text), { timeout: timeoutMs, interval: 20 });
  }
}

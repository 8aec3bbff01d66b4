import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { PARTICIPANT_PAUSE_REASONS, PAUSE_REASONS } from '@plumbline/core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const COMMAND = fileURLToPath(new URL('../python/task', import.meta.url));

type Reply = { result: unknown } | { error: { code: string; message: string } };
let dir: string;
let server: Server;
let asked: { act: string; args: unknown }[];
let answer: (act: string) => Reply;

const status = {
  state: 'running',
  elapsedMs: 1_070_000,
  remainingMs: 27_730_000,
  limitMs: 28_800_000,
  pausesLeft: 5,
  pauseLeftMs: 3_600_000,
  scoreVisible: true,
  recordingStalled: false,
};
const row = {
  scoreId: 'b',
  n: 2,
  trigger: 'participant',
  requestedAtMs: 0,
  elapsedMs: 1_070_000,
  status: 'scored',
  score: 3.25,
  normalised: 0.625,
  message: { milliseconds: 25.79 },
  durationMs: 4300,
  eligible: true,
};

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'plumbline-task-'));
  asked = [];
  server = createServer((socket) => {
    createInterface({ input: socket }).on('line', (line) => {
      const request = JSON.parse(line) as { id: string; act: string; args: unknown };
      asked.push({ act: request.act, args: request.args });
      socket.write(`${JSON.stringify({ id: request.id, ...answer(request.act) })}\n`);
    });
  });
  await new Promise<void>((listening) => server.listen(join(dir, 'task.sock'), listening));
});
afterEach(async () => {
  await new Promise((closed) => server.close(closed));
  rmSync(dir, { recursive: true, force: true });
});

function task(...args: string[]): Promise<{ code: number | null; out: string; err: string }> {
  const child = spawn('/usr/bin/env', ['python3', COMMAND, ...args], { env: { ...process.env, PLUMBLINE_SOCKET: join(dir, 'task.sock') } });
  let out = '';
  let err = '';
  child.stdout.on('data', (chunk) => (out += chunk));
  child.stderr.on('data', (chunk) => (err += chunk));
  child.stdin.end();
  return new Promise((done) => child.on('close', (code) => done({ code, out, err })));
}

describe('the task command', () => {
  it('shows the clock in hours, minutes and seconds', async () => {
    answer = () => ({ result: status });
    const { code, out } = await task('status');
    expect(code).toBe(0);
    expect(out).toContain('Left         7:42:10 of 8:00:00');
  });

  it('scores, waits for the row and shows it', async () => {
    let polls = 0;
    answer = (act) =>
      act === 'score'
        ? { result: { scoreId: 'b', n: 2 } }
        : { result: { scores: [{ ...row, status: polls++ < 1 ? 'running' : 'scored' }] } };
    const { code, out } = await task('score');
    expect(code).toBe(0);
    expect(out).toMatch(/2 +0:17:50 +you +scored +3\.2500 +0\.6250 +4\.3 s/);
    expect(out).toContain('milliseconds: 25.79');
    expect(asked.map(({ act }) => act)).toEqual(['score', 'scores', 'scores']);
  });

  it('ends with its own code where a score is not valid, and says why', async () => {
    const invalid = {
      ...row,
      status: 'invalid_submission',
      score: null,
      normalised: null,
      message: { reason: 'There is no file solution/solution.py.' },
    };
    answer = (act) => (act === 'score' ? { result: { scoreId: 'b', n: 2 } } : { result: { scores: [invalid] } });
    const { code, out } = await task('score');
    expect(code).toBe(4);
    expect(out).toContain('There is no file solution/solution.py.');
  });

  it('says that a score is hidden rather than missing', async () => {
    answer = () => ({ result: { scores: [{ ...row, score: null, normalised: null }] } });
    expect((await task('scores')).out).toMatch(/scored +hidden/);
  });

  it('passes a note on word for word', async () => {
    answer = () => ({ result: { n: 7 } });
    expect((await task('note', 'try', '--unroll', 'by 8')).out).toBe('Note 7 is in the record.\n');
    expect(asked).toEqual([{ act: 'note', args: { text: 'try --unroll by 8' } }]);
  });

  it('pauses with a reason of the list, and keeps other words as its note', async () => {
    answer = () => ({ result: { ...status, state: 'paused' } });
    await task('pause');
    await task('pause', 'awaiting_staff', 'disk', 'full');
    await task('pause', 'lunch');
    // The platform's own, which nobody may give.
    await task('pause', 'platform', 'is', 'slow');
    expect(asked.map(({ args }) => args)).toEqual([
      { reason: 'break' },
      { reason: 'awaiting_staff', note: 'disk full' },
      { reason: 'other', note: 'lunch' },
      { reason: 'other', note: 'platform is slow' },
    ]);
    asked = [];
    for (const reason of PAUSE_REASONS) await task('pause', reason);
    const given = asked.map(({ args }) => (args as { reason: string }).reason);
    expect(new Set([...given, 'hibernate'])).toEqual(new Set(PARTICIPANT_PAUSE_REASONS));
  });

  it('does not submit unasked, and does with --yes', async () => {
    answer = (act) => ({ result: act === 'status' ? status : {} });
    expect((await task('submit')).code).toBe(2);
    expect(asked.map(({ act }) => act)).not.toContain('submit');
    expect((await task('submit', '--yes')).code).toBe(0);
    expect(asked.at(-1)).toEqual({ act: 'submit', args: { confirm: true } });
  });

  it('prints the bare answer as JSON for a program', async () => {
    answer = () => ({ result: status });
    expect(JSON.parse((await task('status', '--json')).out)).toEqual(status);
  });

  it('passes on why the platform refused', async () => {
    answer = () => ({ error: { code: 'clock_not_running', message: 'The clock is paused. Resume first.' } });
    expect(await task('score')).toMatchObject({ code: 1, err: 'The clock is paused. Resume first.\n' });
  });

  it('explains wrong usage', async () => {
    expect((await task('frobnicate')).code).toBe(2);
    expect((await task('help')).out).toContain('task submit');
  });
});

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createDatabase } from '@plumbline/database';
import type { EventInput } from '@plumbline/protocol';
import type { PlatformUnderTest } from './platform.ts';
import { recordAttempt } from './recordedAttempt.ts';

export const SECOND_MS = 1_000;
const GIB = 1024 ** 3;
/** One line of the wider terminal, and more than one of it once it is resized. */
export const WIDE_LINE = 'w'.repeat(70);
export const LENGTH_MS = 20 * 60 * SECOND_MS;
const TAB = '00000000-0000-4000-8000-00000000000a';
export const SOURCE = 'solution/train.py';
const TEXT = 'import torch\n\nrate = 1\n';
const RATE_AT = TEXT.indexOf('1');

const sha256 = (data: string | Buffer) => createHash('sha256').update(data).digest('hex');

/** Two trees of a workspace, as bundles of which the second builds on the first. */
function snapshots(): { commit: string; tree: string; hash: string; bytes: Buffer }[] {
  const dir = mkdtempSync(join(tmpdir(), 'replayed-'));
  const who = { GIT_AUTHOR_NAME: 'a', GIT_AUTHOR_EMAIL: 'a@b', GIT_COMMITTER_NAME: 'a', GIT_COMMITTER_EMAIL: 'a@b' };
  const env = { PATH: process.env.PATH, HOME: dir, GIT_CONFIG_NOSYSTEM: '1', ...who };
  const git = (...args: string[]) => execFileSync('git', args, { cwd: dir, env, encoding: 'utf8' }).trim();
  git('init', '--quiet');
  execFileSync('mkdir', ['-p', 'solution/data'], { cwd: dir });
  writeFileSync(join(dir, 'instructions.txt'), 'Do it.\n');
  writeFileSync(join(dir, 'solution/data/rows.csv'), '1,2\n');
  let last: string | null = null;
  const taken = [TEXT, TEXT.replace('1', '100')].map((text) => {
    writeFileSync(join(dir, SOURCE), text);
    git('add', '--all');
    const tree = git('write-tree');
    const commit = git('commit-tree', tree, ...(last === null ? [] : ['-p', last]), '-m', 'snapshot');
    git('update-ref', 'refs/heads/snapshots', commit);
    git('bundle', 'create', '--quiet', '.git/next', 'refs/heads/snapshots', ...(last === null ? [] : [`^${last}`]));
    last = commit;
    const bytes = readFileSync(join(dir, '.git/next'));
    return { commit, tree, hash: sha256(bytes), bytes };
  });
  rmSync(dir, { recursive: true });
  return taken;
}

/**
 * Three commands, terminals of two sizes of which one is resized, what is done beside typing, a program that paints a screen, an edit, a
 * snapshot before and after it, and a file that is renamed.
 */
function eventsOf(startMs: number, taken: ReturnType<typeof snapshots>): EventInput[] {
  const events: EventInput[] = [];
  const offsets = new Map<number, number>();
  const at = (second: number, type: string, stream: number, data: unknown) =>
    events.push({ atMs: startMs + second * SECOND_MS, type, stream, data } as EventInput);
  const put = (second: number, terminal: number, text: string) => {
    const offset = offsets.get(terminal) ?? 0;
    const bytes = Buffer.from(text);
    offsets.set(terminal, offset + bytes.length);
    at(second, 'terminal.output', terminal, { offset, bytes });
  };
  const snapshot = (second: number, cause: string, n: number) => {
    const { commit, tree, hash } = taken[n] as (typeof taken)[number];
    at(second, 'snapshot.taken', 0, { cause, tree, commit, bundle: hash, files: 3, bytes: 40, skipped: [] });
  };
  at(0, 'clock.event', 0, { n: 1, event: { kind: 'started' } });
  const open = (second: number, terminal: number, cols: number, rows: number) =>
    at(second, 'terminal.opened', terminal, { cols, rows, term: 'xterm-256color', shell: '/bin/bash' });
  open(0, 1, 80, 12);
  open(0, 2, 100, 20);
  at(0, 'focus.page', 0, { tab: TAB, visible: true, focused: true });
  at(0, 'resource.sample', 0, { cpuMs: 0, memoryBytes: 2 * GIB, diskBytes: 5 * GIB });
  snapshot(1, 'start', 0);
  at(2, 'note.written', 0, { n: 1, text: 'Try a larger rate', elapsedMs: 2 * SECOND_MS });
  at(3, 'clipboard.paste', 0, { tab: TAB, target: 'terminal:1', length: 17, hash: sha256('pip install torch'), text: 'pip install torch' });
  at(4, 'network.sample', 0, { receivedBytes: 9, sentBytes: 9, peers: [{ address: '10.0.0.1', port: 443 }] });
  at(4, 'score.requested', 0, { scoreId: 's1', n: 1, trigger: 'participant', elapsedMs: 4 * SECOND_MS });
  const scored = { scoreId: 's1', n: 1, trigger: 'participant', status: 'scored', score: 0.25, message: null, durationMs: SECOND_MS };
  at(5, 'score.finished', 0, scored);
  at(6, 'clock.event', 0, { n: 2, event: { kind: 'paused', reason: 'break' } });
  at(7, 'clock.event', 0, { n: 3, event: { kind: 'resumed' } });
  at(8, 'focus.page', 0, { tab: TAB, visible: false, focused: false });
  put(8, 2, WIDE_LINE);
  at(9, 'focus.page', 0, { tab: TAB, visible: true, focused: true });
  for (const [n, second] of [10, 20, 30].entries()) {
    put(second - 1, 1, `$ run-${n}\r\n`);
    at(second, 'command.started', 1, { text: `run-${n}`, directory: '/home/agent' });
    put(second + 1, 1, `output of ${n}\r\n`);
    at(second + 2, 'command.finished', 1, { exitCode: n === 1 ? 1 : 0, durationMs: 2_000 });
    if (n === 0) at(15, 'terminal.resized', 2, { cols: 60, rows: 8 });
  }
  at(33, 'resource.sample', 0, { cpuMs: 66 * SECOND_MS, memoryBytes: 3 * GIB, diskBytes: 5 * GIB });
  for (const terminal of [3, 4]) open(35, terminal, 80, 12);
  put(40, 4, '\x1b[?1049h\x1b[2J\x1b[8;30Hdle in the screen');
  put(44, 4, '\x1b[1;1Hloss 0.25\x1b[8;27Hnee');
  put(48, 4, '\x1b[?1049l');
  at(50, 'editor.opened', 0, { tab: TAB, path: SOURCE, hash: sha256(TEXT), version: 1, text: TEXT });
  at(52, 'editor.selection', 0, { tab: TAB, path: SOURCE, anchor: TEXT.indexOf('rate'), active: RATE_AT });
  at(54, 'editor.changed', 0, { tab: TAB, path: SOURCE, version: 2, changes: [{ offset: RATE_AT, length: 1, text: '100' }] });
  at(55, 'editor.selection', 0, { tab: TAB, path: SOURCE, anchor: RATE_AT + 3, active: RATE_AT + 3 });
  at(56, 'editor.saved', 0, { tab: TAB, path: SOURCE, hash: sha256(TEXT), size: TEXT.length + 2 });
  at(57, 'file.changed', 0, { op: 'renamed', path: 'instructions.txt', to: 'notes.txt' });
  snapshot(60, 'save', 1);
  // Output that was taken out, and with it what it left on the screen, until a keyframe has all of that.
  offsets.set(4, (offsets.get(4) ?? 0) + 100);
  put(62, 4, 'after it\r\n');
  at(64, 'terminal.keyframe', 4, { cols: 80, rows: 12, offset: offsets.get(4), screen: 'all of it\r\nafter it\r\n' });
  put(64, 4, 'later\r\n');
  // Far more lines than are shown at once.
  for (let second = 70; second < LENGTH_MS / SECOND_MS; second += 1) put(second, 1, `step ${second}\r\n`);
  at(LENGTH_MS / SECOND_MS, 'clock.event', 0, { n: 4, event: { kind: 'submitted' } });
  return events;
}

/** Records an attempt that has something of each kind to be replayed, and answers its id. */
export async function recordReplayedAttempt(platform: PlatformUnderTest): Promise<string> {
  const db = createDatabase(platform.databaseUrl, { poolMax: 2 });
  const startMs = Date.now() - LENGTH_MS - 60 * SECOND_MS;
  const taken = snapshots();
  const { attemptId } = await recordAttempt(platform, db, { startMs, lengthMs: LENGTH_MS, events: eventsOf(startMs, taken), blobs: taken });
  await db.close();
  return attemptId;
}

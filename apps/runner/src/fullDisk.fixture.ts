import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '@plumbline/config/systemClock';
import { decodeRunnerFrame, type RunnerFrame } from '@plumbline/protocol';
import { pino } from 'pino';
import { EventLog, openJournal } from './eventLog.ts';
import { Journal, type JournalEntry } from './journal.ts';
import { OutputAllowance } from './outputAllowance.ts';
import { ServerTime } from './serverTime.ts';
import { Terminals } from './terminals.ts';

/**
 * A shell whose journal lies on a disk that gets full while it is typed into and puts out. `node fullDisk.fixture.ts JOURNAL HOME`;
 * prints what was sent to the gateway, and what it saw on the way, as one line of JSON.
 */
const [dir = '', home = ''] = process.argv.slice(2);
const TAB = 'b5a1c0de-0000-4000-8000-000000000001';
const seen = { stalls: [] as boolean[], ranWhileFull: false, sentWhileFull: 0 };

async function until(what: string, isSo: () => boolean): Promise<void> {
  const giveUpMs = performance.now() + 20_000;
  while (!isSo()) {
    if (performance.now() > giveUpMs) throw new Error(`never: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Leaves no byte of the disk free. */
function fill(): void {
  for (let bytes = 65_536; bytes >= 1; bytes /= 2) {
    for (;;) {
      try {
        writeFileSync(join(dir, 'ballast'), Buffer.alloc(bytes), { flag: 'a' });
      } catch {
        break;
      }
    }
  }
}

/** Files begin all the time: how many entries of those that were taken come back from a disk that was full in between. */
function countRotated(): { taken: number; back: number; refused: boolean } {
  const open = () => new Journal({ dir: join(dir, 'rotated'), initialState: 0, fold: (count: number) => count + 1, fileMaxBytes: 200 });
  const rotated = open();
  let [taken, refused] = [0, false];
  for (let i = 0; i < 60; i++) {
    if (i === 20) fill();
    if (i === 40) rmSync(join(dir, 'ballast'));
    try {
      rotated.append('text', () => 'x'.repeat(150));
      taken += 1;
    } catch {
      refused = true;
    }
  }
  rotated.close();
  const back = [...open().entriesAfter(0)].length;
  rmSync(join(dir, 'rotated'), { recursive: true });
  return { taken, back, refused };
}

const rotated = countRotated();
const journal = openJournal(join(dir, 'journal'));
const log = new EventLog(journal, new ServerTime(systemClock), systemClock);
const sent: JournalEntry[] = [];
log.deliverTo((entry) => sent.push(entry));
log.onStalled((stalled) => seen.stalls.push(stalled));
const terminals = new Terminals({
  allowance: new OutputAllowance({ clock: systemClock }),
  log,
  clock: systemClock,
  logger: pino({ level: 'silent' }),
  shellCommand: (env) => ({
    file: '/bin/bash',
    args: ['--norc', '--noprofile'],
    env: { ...env, PATH: '/usr/bin:/bin', PS1: '$ ', HOME: home },
    cwd: home,
  }),
  onListChanged: () => {},
});
const frames = (): RunnerFrame[] => sent.flatMap(({ kind, body }) => (kind === 'binary' ? [decodeRunnerFrame(body) as RunnerFrame] : []));
const output = () => Buffer.concat(frames().flatMap((frame) => (frame.kind === 'output' ? [frame.bytes] : []))).toString();
let n = 0;
const type = (text: string) => terminals.input({ tab: TAB, terminal, n: ++n, more: false, bytes: Buffer.from(text) });
const terminal = terminals.open(80, 24);
await until('a prompt', () => output().includes('$ '));

fill();
type('i=0; while [ $i -lt 2000 ]; do i=$((i+1)); echo line $i; done; touch ran-first\r');
await until('the disk is full', () => log.stalled);
const sentBefore = sent.length;
type('touch ran-second; echo both-ran\r');
type('');
log.event('resource.sample', 0, { processes: 1 });
await new Promise((resolve) => setTimeout(resolve, 1_500));
seen.ranWhileFull = existsSync(join(home, 'ran-second'));
seen.sentWhileFull = sent.length - sentBefore;
terminals.linkLost();
rmSync(join(dir, 'ballast'));
await until('everything ran', () => output().includes('\rboth-ran'));
const numbers = sent.map((entry) => entry.n);
await terminals.dispose();
const again = openJournal(join(dir, 'journal'));
const inputs = frames().flatMap((frame) => (frame.kind === 'input' ? [frame.inputN] : []));
// Not from their beginning: the echo of what was typed meanwhile may end there.
const lines = output().match(/line \d+/g)?.length ?? 0;
const isGapless = numbers.every((number, index) => number === index + 1);
process.stdout.write(`${JSON.stringify({ ...seen, inputs, lines, isGapless, kept: again.lastN === log.lastN, rotated })}\n`);

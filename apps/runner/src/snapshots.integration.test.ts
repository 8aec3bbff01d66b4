import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { systemClock } from '@plumbline/config/systemClock';
import type { EventData } from '@plumbline/protocol';
import { openWorkspace, type Sandbox, type WorkspaceFiles } from '@plumbline/sandbox';
import { ContractWorld, shell } from '@plumbline/sandbox/contract/contract';
import { FakeClock } from '@plumbline/testing';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Blobs } from './blobs.ts';
import { EventLog, openJournal } from './eventLog.ts';
import { ServerTime } from './serverTime.ts';
import { Snapshots } from './snapshots.ts';

let world: ContractWorld;
let sandbox: Sandbox;
let files: WorkspaceFiles;
let gateway: Server;
/** What the gateway answers to a bundle. */
let status: number;
let life: Life;

beforeEach(async () => {
  status = 204;
  world = await ContractWorld.open({ name: 'none' });
  sandbox = await world.sandbox();
  files = await openWorkspace(sandbox);
  gateway = createServer((request, response) => request.resume().on('end', () => response.writeHead(status).end()));
  await new Promise<void>((resolve) => gateway.listen(0, '127.0.0.1', resolve));
  life = await Life.begin();
});

afterEach(async () => {
  life.end();
  await files.close();
  await sandbox.destroy();
  await new Promise((resolve) => gateway.close(resolve));
  await world.close();
});

/** What of a runner has to do with snapshots, from its start to its end, on a folder that outlives it. */
class Life {
  readonly #log: EventLog;
  readonly #close: () => void;
  readonly blobs: Blobs;
  readonly snapshots: Snapshots;
  /** What snapshots fall due by. */
  readonly clock = new FakeClock();
  isRunning = true;

  private constructor(restoredCommit: string | null) {
    const clock = systemClock;
    const logger = pino({ level: 'silent' });
    const journal = openJournal(join(world.dir, 'journal'));
    const time = new ServerTime(clock, journal.state.lastAtMs);
    const log = new EventLog(journal, time, clock);
    const url = `http://127.0.0.1:${(gateway.address() as AddressInfo).port}`;
    this.#log = log;
    this.blobs = new Blobs({
      dir: join(world.dir, 'blobs'),
      url,
      token: 'token',
      clock,
      logger,
      onLost: (lost) => {
        log.event('blob.lost', 0, lost);
        this.snapshots.blobLost();
      },
    });
    const isRunning = () => this.isRunning;
    this.snapshots = new Snapshots({ files, blobs: this.blobs, log, clock: this.clock, time, logger, isRunning, restoredCommit });
    this.#close = () => {
      this.snapshots.close();
      this.blobs.close();
      log.close();
      journal.close();
    };
  }

  static async begin(restoredCommit: string | null = null): Promise<Life> {
    const made = new Life(restoredCommit);
    await made.blobs.open();
    return made;
  }

  end(): void {
    this.#close();
  }

  /** Snapshots that were recorded and have a bundle, as what they are and what they build on. */
  recorded(): EventData<'snapshot.taken'>[] {
    return [...this.#log.entriesAfter(0)].flatMap(({ kind, body }) => {
      const event = kind === 'text' ? JSON.parse(body.toString()) : null;
      return event?.type === 'snapshot.taken' && event.data.bundle !== undefined ? [event.data] : [];
    });
  }

  /** Why each was taken, those too in which nothing had changed. */
  causes(): string[] {
    return [...this.#log.entriesAfter(0)].flatMap(({ kind, body }) => {
      const event = kind === 'text' ? JSON.parse(body.toString()) : null;
      return event?.type === 'snapshot.taken' ? [event.data.cause] : [];
    });
  }

  /** How many blobs the recording says are lost. */
  losses(): number {
    return [...this.#log.entriesAfter(0)].filter(({ kind, body }) => kind === 'text' && JSON.parse(body.toString()).type === 'blob.lost')
      .length;
  }

  async take(content: string): Promise<string> {
    await shell(sandbox, 'participant', `echo ${content} > a`);
    await this.snapshots.takeSurely('save');
    return this.recorded().at(-1)?.commit ?? '';
  }
}

const git = (repository: string, ...args: string[]) => execFileSync('git', args, { cwd: repository, encoding: 'utf8' }).trim();

/** A runner that ends, and another in its place. */
async function restart(): Promise<void> {
  life.end();
  life = await Life.begin();
}

/** Whether nothing but the one that was refused waits on the host. */
const uploadedNow = () => readdirSync(join(world.dir, 'blobs')).filter((name) => name.endsWith('.pending')).length === 1;

const bases = () => life.recorded().map(({ base }) => base);

it('a snapshot has the first 200 paths that it left out, and the count of all', async () => {
  await shell(sandbox, 'participant', 'for n in $(seq 250); do mkfifo pipe$n; done');
  await life.take('one');
  const [{ skipped, skippedCount }] = life.recorded() as [ReturnType<Life['recorded']>[number]];
  expect([skipped.length, skippedCount]).toEqual([200, 250]);
});

describe('a snapshot builds on', () => {
  it('the one before it, also of the runner before, and on none at first', async () => {
    const first = await life.take('one');
    const second = await life.take('two');
    await restart();
    await life.take('three');
    expect(bases()).toEqual([null, first, second]);
  });

  it.each([
    ['an empty blob', 'blob', 0],
    ['half a blob', 'blob', 0.5],
    ['an empty tree', 'tree', 0],
    ['an empty commit', 'commit', 0],
    ['an empty reference', 'reference', 0],
    ['a lock that nobody holds', 'lock', 0],
    ['an empty HEAD', 'HEAD', 0],
  ] as const)('none, where a loss of power left %s in the repository, and the next on that', async (_, what, share) => {
    const first = await life.take('one');
    const second = await life.take('two');
    expect(bases()).toEqual([null, first]);
    await files.close();
    const repository = execFileSync('find', [world.dir, '-name', 'snapshots.git'], { encoding: 'utf8' }).trim();
    const nameOf = (object: string) => git(repository, 'rev-parse', object);
    const pathOf = (name: string) => join(repository, 'objects', name.slice(0, 2), name.slice(2));
    const paths = {
      blob: () => pathOf(nameOf(`${second}:a`)),
      tree: () => pathOf(nameOf(`${second}^{tree}`)),
      commit: () => pathOf(second),
      reference: () => join(repository, 'refs/heads/next'),
      lock: () => join(repository, '../snapshot.index.lock'),
      HEAD: () => join(repository, 'HEAD'),
    };
    const path = paths[what]();
    writeFileSync(`${path}.new`, what === 'lock' ? '' : readFileSync(path).subarray(0, share * statSync(path).size));
    renameSync(`${path}.new`, path);

    files = await openWorkspace(sandbox);
    await restart();
    await life.take('three');
    // What has the name of the broken one is to be written again.
    const again = await life.take('two');
    expect(git(repository, 'show', `${again}:a`)).toBe('two');
    expect(bases().slice(2)).toContain(null);
    const last = await life.take('four');
    expect(bases().at(-1)).toBe(again);
    expect(git(repository, 'show', `${last}:a`)).toBe('four');
    // Those of one second stand in any order.
    expect((await files.history('a')).map(({ commit }) => commit)).toContain(last);
    git(repository, 'fsck', '--full');
  });

  it('the last that was recorded, where a runner ended before it recorded one', async () => {
    const first = await life.take('one');
    await shell(sandbox, 'participant', 'echo two > a');
    await files.snapshot({ message: 'save', atMs: Date.now(), base: first });
    await restart();
    await life.snapshots.takeSurely('start');
    expect(bases()).toEqual([null, first]);
  });

  it('none, once a bundle was refused, and the next on that, whatever ends in between', async () => {
    await life.take('one');
    await life.blobs.drained(20_000);
    status = 413;
    await life.take('two');
    await expect.poll(() => life.losses()).toBe(1);
    status = 204;
    const alone = await life.take('three');
    const after = await life.take('four');
    expect(bases().slice(2)).toEqual([null, alone]);
    await expect.poll(uploadedNow).toBe(true);
    status = 413;
    await life.take('five');
    await expect.poll(() => life.losses()).toBe(2);
    await restart();
    await life.take('six');
    expect(bases().slice(4)).toEqual([after, null]);
  });

  it('none, where what it was to build on is lost while it is taken', async () => {
    await life.take('one');
    await shell(sandbox, 'participant', 'echo two > a');
    const taking = life.snapshots.takeSurely('save');
    await Promise.resolve();
    life.snapshots.blobLost();
    await taking;
    expect(bases()).toEqual([null, null]);
  });

  it('the one that the workspace was brought back from', async () => {
    const { commit } = await files.snapshot({ message: 'save', atMs: Date.now(), base: null });
    life.end();
    life = await Life.begin(commit);
    await life.take('one');
    expect(bases()).toEqual([commit]);
  });
});

describe('a snapshot is taken', () => {
  const write = (content: string) => shell(sandbox, 'participant', `echo ${content} > a`);
  /** Resolves when those that were due are taken. */
  const taken = async (): Promise<string[]> => {
    await life.snapshots.takeSurely('score');
    return life.causes();
  };

  it('three seconds after the first of several saves, and once for all of them', async () => {
    await write('one');
    life.snapshots.saved();
    life.clock.advance(2_000);
    life.snapshots.saved();
    life.clock.advance(999);
    expect(await taken()).toEqual(['score']);
    life.clock.advance(1);
    expect(await taken()).toEqual(['score', 'save', 'score']);
    life.clock.advance(10_000);
    expect(await taken()).toEqual(['score', 'save', 'score', 'score']);
    life.snapshots.saved();
    life.clock.advance(3_000);
    expect(await taken()).toEqual(['score', 'save', 'score', 'score', 'save', 'score']);
  });

  it('every five minutes in which something changed, and none while the participant is frozen', async () => {
    await write('one');
    life.clock.advance(299_999);
    expect(life.causes()).toEqual([]);
    life.clock.advance(1);
    expect(await taken()).toEqual(['periodic', 'score']);
    life.clock.advance(300_000);
    expect(await taken(), 'nothing changed').toEqual(['periodic', 'score', 'score']);
    await write('two');
    life.isRunning = false;
    life.clock.advance(300_000);
    expect(await taken()).toEqual(['periodic', 'score', 'score', 'score']);
    await write('three');
    life.isRunning = true;
    life.clock.advance(300_000);
    expect(await taken()).toEqual(['periodic', 'score', 'score', 'score', 'periodic', 'score']);
  });
});

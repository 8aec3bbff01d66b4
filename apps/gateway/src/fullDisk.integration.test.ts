import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createDatabase, loadAttempt } from '@plumbline/database';
import { startEmbeddedPostgres } from '@plumbline/database/embedded';
import { applyMigrations } from '@plumbline/database/migrate';
import { readTail } from '@plumbline/database/recordingTail';
import { folderStore } from '@plumbline/storage';
import { type TemporaryFolder, type TestDatabase, temporaryFolder } from '@plumbline/testing';
import { isAbsent, notRoot } from '@plumbline/testing/absence';
import { afterEach, describe, expect, it } from 'vitest';
import { GatewayRig, type RiggedRunner } from './gateway.fixture.ts';

const MIB = 1024 * 1024;

const undo: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const act of undo.splice(0).reverse()) await act();
});

/** A disk of so many MiB, mounted on a folder; returns how to fill it, and how to make room again. */
function smallDisk(dir: string, mib: number): { fill(): void; makeRoom(): void } {
  mkdirSync(dir, { recursive: true });
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${mib}m,mode=0755`, 'tmpfs', dir]);
  undo.push(() => void execFileSync('umount', ['-l', dir]));
  const ballast = join(dir, 'ballast');
  return {
    fill() {
      for (let bytes = MIB; bytes >= 4096; bytes /= 2) {
        for (;;) {
          try {
            writeFileSync(ballast, Buffer.alloc(bytes), { flag: 'a' });
          } catch {
            break;
          }
        }
      }
    },
    makeRoom: () => rmSync(ballast),
  };
}

/** An editor's text that compresses to about what it is long, so that it needs room. */
function saysNote(runner: RiggedRunner, n: number): void {
  const screen = randomBytes(48 * 1024).toString('base64');
  runner.send({ t: 'event', n, atMs: n, type: 'terminal.keyframe', stream: 1, data: { cols: 80, rows: 24, offset: n, screen } });
}

/** The offsets of the keyframes that are recorded: the numbers that they were said under. */
async function recordedNumbers(rig: GatewayRig, attemptId: string): Promise<number[]> {
  return (await rig.recorded(attemptId)).flatMap((event) => (event.type === 'terminal.keyframe' ? [event.data.offset] : []));
}

async function temporary(): Promise<TemporaryFolder> {
  const folder = await temporaryFolder();
  undo.push(() => folder.remove());
  return folder;
}

// Mounting a small disk takes root.
describe.skipIf(isAbsent('a full disk under a journal', notRoot()))('with the disk full', () => {
  it('of the database, what is acknowledged is committed, nothing else is acknowledged, the time is given back, and all goes on by itself', async () => {
    const folder = await temporary();
    const dataDir = join(folder.path, 'data');
    const disk = smallDisk(join(dataDir, 'postgres'), 160);
    const server = await startEmbeddedPostgres({ dataDir, socketDir: join(folder.path, 'socket') });
    undo.push(() => server.stop());
    await applyMigrations(server.url);
    const db = createDatabase(server.url, { poolMax: 8 });
    const testing: TestDatabase = { url: server.url, db, drop: () => db.close() };
    const rig = await GatewayRig.start({ testing });
    undo.push(() => rig.stop());
    const attempt = await rig.attempt();
    const runner = await rig.runner(attempt.attemptId);
    const tab = await rig.tab(attempt);
    const acknowledged = () => runner.told.reduce((most, message) => (message.t === 'ack' ? Math.max(most, message.n) : most), 0);
    saysNote(runner, 1);
    await runner.next('ack', ({ n }) => n === 1);

    disk.fill();
    let said = 1;
    const isAwayFor = async (seconds: number) => {
      const age = `clock_timestamp() - link_heartbeat_at > interval '${seconds} seconds'`;
      const { rows } = await db.pool.query(`SELECT ${age} AS away FROM attempt WHERE id = $1`, [attempt.attemptId]);
      return rows[0].away;
    };
    // Pages that are there already may still take some. The page is told of a slow commit too; the heartbeat stops for a refused one alone.
    while (!(await isAwayFor(3))) {
      saysNote(runner, ++said);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    await tab.next('recording', ({ stalled }) => stalled);
    const acknowledgedWhenFull = acknowledged();
    expect(acknowledgedWhenFull).toBeLessThan(said);
    // No sign of life for longer than an outage must be to count by itself.
    await expect.poll(() => isAwayFor(6.5)).toBe(true);
    expect(acknowledged()).toBe(acknowledgedWhenFull);
    const { rows } = await db.pool.query("SELECT mark FROM recording_source WHERE source = 'runner:one'");
    expect(rows).toEqual([{ mark: String(acknowledgedWhenFull) }]);
    expect(await recordedNumbers(rig, attempt.attemptId)).toEqual(Array.from({ length: acknowledgedWhenFull }, (_, i) => i + 1));

    disk.makeRoom();
    await runner.next('ack', ({ n }) => n === said);
    await tab.next('recording', ({ stalled }) => !stalled);
    expect(await recordedNumbers(rig, attempt.attemptId)).toEqual(Array.from({ length: said }, (_, i) => i + 1));
    await expect.poll(async () => (await loadAttempt(db, attempt.attemptId)).events.map(({ kind }) => kind)).toEqual(['started', 'outage']);
    const outage = (await loadAttempt(db, attempt.attemptId)).events.at(-1) as { fromMs: number; toMs: number; cause: string };
    expect(outage.toMs - outage.fromMs).toBeGreaterThan(6_000);
    expect(outage.cause).toMatch(/database/);
  });

  it('of the database’s own log, which ends the server: what was acknowledged is there when it is started again, and the rest follows', async () => {
    const folder = await temporary();
    const options = { dataDir: join(folder.path, 'data'), socketDir: join(folder.path, 'socket') };
    const disk = smallDisk(join(options.dataDir, 'postgres'), 160);
    let server = await startEmbeddedPostgres(options);
    undo.push(() => server.stop());
    await applyMigrations(server.url);
    const db = createDatabase(server.url, { poolMax: 8 });
    const rig = await GatewayRig.start({ testing: { url: server.url, db, drop: () => db.close() } });
    undo.push(() => rig.stop());
    const attempt = await rig.attempt();
    const runner = await rig.runner(attempt.attemptId);
    for (let n = 1; n <= 5; n++) saysNote(runner, n);
    await runner.next('ack', ({ n }) => n === 5);
    disk.fill();
    const filled = (async () => {
      // Into the log and nowhere else.
      for (;;) await db.pool.query("SELECT pg_logical_emit_message(false, 'ballast', repeat('x', 4000000))");
    })();
    await expect(filled).rejects.toThrow();
    for (let n = 6; n <= 9; n++) saysNote(runner, n);
    await server.exited;
    disk.makeRoom();
    server = await startEmbeddedPostgres(options);
    await runner.next('ack', ({ n }) => n === 9);
    expect(await recordedNumbers(rig, attempt.attemptId)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  it('of the store, the recording is durable as before and the clock runs on; what could not be sealed is sealed when there is room', async () => {
    const folder = await temporary();
    const disk = smallDisk(join(folder.path, 'store'), 80);
    const rig = await GatewayRig.start({ folder: { path: folder.path, remove: async () => {} } });
    undo.push(() => rig.stop());
    const store = folderStore(join(folder.path, 'store'));
    await store.check();
    disk.fill();
    await expect(store.check()).rejects.toThrow('its disk is full: 0 MiB are left');
    const attempt = await rig.attempt();
    const runner = await rig.runner(attempt.attemptId);
    // Some segments' worth.
    for (let n = 1; n <= 64; n++) saysNote(runner, n);
    await runner.next('ack', ({ n }) => n === 64);
    expect(await recordedNumbers(rig, attempt.attemptId)).toHaveLength(64);
    expect(await readTail(rig.db, attempt.attemptId, 1, 1)).toHaveLength(1);
    const stray = () => readdirSync(join(folder.path, 'store'), { recursive: true }).filter((name) => String(name).includes('.tmp-'));
    disk.makeRoom();
    await expect.poll(async () => (await readTail(rig.db, attempt.attemptId, 1, 1))[0]?.firstSeq ?? 0).not.toBe(1);
    expect(await recordedNumbers(rig, attempt.attemptId)).toEqual(Array.from({ length: 64 }, (_, i) => i + 1));
    // Another segment may be under way.
    await expect.poll(stray).toEqual([]);
    expect((await loadAttempt(rig.db, attempt.attemptId)).events.map(({ kind }) => kind)).toEqual(['started']);
    await store.check();
  });
});

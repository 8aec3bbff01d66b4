import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createDatabase, type Database, findLiveLease } from '@plumbline/database';
import { assign } from '@plumbline/database/assignments';
import { saveEnvironment } from '@plumbline/database/environments';
import { addEnvironmentToStudy, createStudy } from '@plumbline/database/studies';
import type { EventData } from '@plumbline/protocol';
import { gpuStates } from '@plumbline/sandbox';
import { loadFamily } from '@plumbline/taskstandard';
import { expertWith, makeAccount } from '../support/accounts.ts';
import { prepareAttempt, startAttempt, until } from '../support/attempt.ts';
import { expect, test } from '../support/fixtures.ts';
import type { PlatformUnderTest } from '../support/platform.ts';
import { plumb } from '../support/plumb.ts';
import { readEvents } from '../support/recordingCheck.ts';
import { Session } from '../support/session.ts';
import { Tab } from '../support/tab.ts';

/**
 * Two attempts that share the GPUs of this machine, on the whole platform: inventory, lease, acceptance test, a sandbox that computes, a score on the GPU
 * while the participant's own computation stands still, hibernation, the queue, the end. `npm run test:gpu`, on a machine with a GPU.
 */

const FAMILY_DIR = join(import.meta.dirname, 'gpu_probe');
const MIB = 1024 ** 2;
/** What `device.py` holds, of which a driver takes some for itself. */
const HELD_MIN_BYTES = 4_000 * MIB;
/** Preparing, waking and giving back: a process, a sandbox and a driver that wakes up. */
const MACHINE_MS = 120_000;

const gpus = await gpuStates(null);
/** `H100`, of `NVIDIA H100 80GB HBM3`. */
const model = gpus[0]?.model.replace(/^NVIDIA /, '').split(' ')[0] ?? '';

test.describe.configure({ mode: 'serial' });

/** A participant with an attempt of their own. */
interface Person {
  session: Session;
  attemptId: string;
  tab: Tab;
  terminal: number;
}

test.describe('attempts on a machine with GPUs', () => {
  test.skip(gpus.length === 0, 'nvidia-smi names no GPU on this machine');

  let db: Database;
  let first: Person;
  let second: Person;

  const usedBytes = async () => (await gpuStates(null)).map(({ memoryUsedBytes }) => memoryUsedBytes ?? 0);
  /** The driver gives memory back a moment after a process has ended. */
  const untilFree = () =>
    until('the GPUs’ memory is free again', async () =>
      (await usedBytes()).every((bytes, index) => bytes <= (gpus[index]?.memoryUsedBytes ?? 0) + 64 * MIB),
    );
  const leaseOf = ({ attemptId }: Person) => findLiveLease(db, attemptId);
  const progressOf = async ({ session, attemptId }: Person) =>
    session.query<{ state: string; progress: string | null }>('attempt.progress', { attemptId });
  const samplesOf = async (platform: PlatformUnderTest, { attemptId }: Person) =>
    (await readEvents(platform, attemptId)).flatMap((event) => (event.type === 'resource.sample' ? [event.data] : []));
  /** What a command prints, of which nothing else in the terminal looks like. */
  async function sh({ tab, terminal }: Person, command: string): Promise<string> {
    const mark = Math.floor(Math.random() * 1e9);
    tab.type(terminal, ` echo from-$((${mark})); ${command}; echo to-$((${mark}))\n`);
    const shown = new RegExp(`^from-${mark}\\n([\\s\\S]*?)^to-${mark}$`, 'm');
    return until(`the output of ${command}`, () => shown.exec(tab.text(terminal))?.[1]);
  }
  const launchesOf = async (person: Person) => {
    const [, launches, verdict] = await until('the computation’s progress', async () =>
      /^(\d+) (right|wrong)$/m.exec(await sh(person, 'cat progress')),
    );
    expect(verdict).toBe('right');
    return Number(launches);
  };
  async function enter(person: Pick<Person, 'session' | 'attemptId'>): Promise<Pick<Person, 'tab' | 'terminal'>> {
    const tab = new Tab(person.session, person.attemptId);
    await tab.open();
    await until('the sandbox is attached', () => tab.sandbox === 'attached');
    const { terminal } = await tab.request('terminal.open', { cols: 200, rows: 50 });
    tab.watch(terminal);
    return { tab, terminal };
  }

  test.beforeAll(async ({ platform, signIn }) => {
    await plumb(platform, 'host', 'check', 'here');
    db = createDatabase(platform.databaseUrl, { poolMax: 2 });
    const admin = await signIn('admin');
    const { contentHash, tasks } = loadFamily(FAMILY_DIR);
    const main = tasks['main'];
    if (main?.settings === undefined) throw new Error('the family has no task main');
    // All that this machine has, whatever it is: so the second attempt has to wait for the first.
    const gpu = { count_range: [gpus.length, gpus.length] as [number, number], model };
    const settings = { ...main.settings, resources: { ...main.settings.resources, gpu } };
    const environment = { family: 'gpu_probe', task: 'main', version: main.version, familyDir: FAMILY_DIR, contentHash, settings };
    const { id: environmentId } = await saveEnvironment(db, environment as Parameters<typeof saveEnvironment>[1]);
    const { id: studyId } = await createStudy(db, { name: 'GPUs', kind: 'qa' }, { by: null });
    await addEnvironmentToStudy(db, studyId, environmentId);
    const people = await Promise.all(
      [1, 2].map(async () => {
        const { userId, email, password } = await makeAccount(admin, 'expert');
        await assign(db, { studyId, userId, environmentId }, { by: null });
        return { session: await Session.signIn(platform.baseUrl, email, password), attemptId: '', terminal: 0 } as Person;
      }),
    );
    [first, second] = people as [Person, Person];
  });

  test.afterAll(async () => {
    for (const person of [first, second]) person?.tab?.end();
    await db?.close();
  });

  test('the check of this machine finds its GPUs, and that sandboxes can be given them', async ({ platform }) => {
    const [here] = JSON.parse((await plumb(platform, 'host', 'list', '--json')).output) as {
      inventory?: { gpus: { id: string; model: string }[] };
    }[];
    const found = here?.inventory?.gpus.map(({ id, model }) => ({ id, model }));
    expect(found).toEqual(gpus.map(({ id, model }) => ({ id, model })));
    expect((await plumb(platform, 'host', 'check', 'here')).output).not.toContain('cannot show');
  });

  test('an attempt gets the GPUs by a lease, and its machine passes the acceptance test', async () => {
    first.attemptId = await prepareAttempt(first.session, /GPU probe/);
    expect(await leaseOf(first)).toMatchObject({ state: 'held', gpuIds: gpus.map(({ id }) => id) });
    const { rows } = await db.pool.query('SELECT passed, report, profile FROM acceptance WHERE attempt_id = $1', [first.attemptId]);
    expect(rows).toEqual([expect.objectContaining({ passed: true, profile: expect.stringContaining(gpus[0]?.model ?? '') })]);
    const names = (rows[0].report as { check: string }[]).map(({ check }) => check);
    expect(names).toEqual(
      expect.arrayContaining(['GPUs', 'GPU 0: driver', 'GPU 0: memory free', 'GPU 0: clocks', 'Disk', 'Starting score']),
    );
  });

  test('the participant computes on these GPUs and sees no device of the host’s but them, and their use is recorded', async ({
    platform,
  }) => {
    await first.session.mutate('attempt.start', { attemptId: first.attemptId });
    Object.assign(first, await enter(first));
    expect(await sh(first, 'python3 device.py count')).toBe(`GPUs: ${gpus.length}\n`);
    const devices = (await sh(first, 'ls -d /dev/nvidia[0-9]* | wc -l')).trim();
    expect(Number(devices)).toBe(gpus.length);
    await sh(first, 'python3 device.py > said 2>&1 & sleep 0');
    await launchesOf(first);
    const busy = await until(
      'a sample with the GPU at work',
      async () => (await samplesOf(platform, first)).findLast(({ gpus: [gpu] = [] }) => gpu !== undefined && gpu.usePercent >= 50),
      MACHINE_MS,
    );
    expect(busy.gpus).toHaveLength(gpus.length);
    expect((busy.gpus as NonNullable<EventData<'resource.sample'>['gpus']>)[0]?.memoryBytes).toBeGreaterThan(HELD_MIN_BYTES);
  });

  test('a sandbox that was leased none is shown none', async ({ platform, signIn }) => {
    const { session } = await expertWith(platform.baseUrl, await signIn('admin'), /Practice/);
    const attemptId = await startAttempt(session, /Practice/);
    const other: Person = { session, attemptId, ...(await enter({ session, attemptId })) };
    expect(await sh(other, 'ls /dev | grep -c nvidia')).toBe('0\n');
    await other.tab.request('submit', { confirm: true });
    other.tab.end();
  });

  test('a score computes on the GPU while the participant’s computation stands still, which goes on with right numbers after', async () => {
    const { n } = await first.tab.request('score', {});
    const row = await until(
      'the score',
      async () => {
        const { scores } = await first.tab.request('scores', {});
        return scores.find((score) => score.n === n && score.status !== 'running' && score.status !== 'queued');
      },
      MACHINE_MS,
    );
    expect(row).toMatchObject({ status: 'scored', score: 200, message: { gpus: gpus.length } });
    const after = await launchesOf(first);
    await until('the computation goes on', async () => (await launchesOf(first)) > after);
  });

  test('a pause stops the computation on the GPU, and what it holds there is still there after', async () => {
    const before = await launchesOf(first);
    await first.tab.request('pause', { reason: 'break' });
    await until('the GPU stands still', async () => (await gpuStates(null))[0]?.usePercent === 0);
    expect(Math.max(...(await usedBytes()))).toBeGreaterThan(HELD_MIN_BYTES);
    await first.tab.request('resume', {});
    await until('the computation goes on', async () => (await launchesOf(first)) > before);
  });

  test('who comes second waits for the GPUs, and gets them, free, when the first hibernates', async () => {
    const assignments = await second.session.query<{ assignmentId: string }[]>('assignment.mine');
    const opened = await second.session.mutate<{ attemptId: string }>('assignment.open', { assignmentId: assignments[0]?.assignmentId });
    second.attemptId = opened.attemptId;
    await second.session.mutate('attempt.prepare', { attemptId: second.attemptId });
    const waits = new RegExp(`^Waiting for ${gpus.length} × ${model}: you are next`, 'i');
    await until('its place in the queue', async () => waits.test((await progressOf(second)).progress ?? ''));
    await sh(first, 'echo kept > solution/kept; sync');
    await first.tab.request('pause', { reason: 'hibernate', resumeAtMs: Date.now() + 3_600_000 });
    await until('the second has the machine', async () => (await progressOf(second)).state === 'ready', MACHINE_MS);
    expect(await leaseOf(first)).toBeNull();
    expect(await leaseOf(second)).toMatchObject({ state: 'held', gpuIds: gpus.map(({ id }) => id) });
    const { rows } = await db.pool.query('SELECT passed FROM acceptance WHERE attempt_id = $1', [second.attemptId]);
    expect(rows).toEqual([{ passed: true }]);
  });

  test('the one that hibernates is woken on the GPUs when the second has handed in', async () => {
    await second.session.mutate('attempt.start', { attemptId: second.attemptId });
    Object.assign(second, await enter(second));
    await sh(second, 'python3 device.py > said 2>&1 & sleep 0');
    await launchesOf(second);
    await first.tab.request('wake', {});
    await second.tab.request('submit', { confirm: true });
    await until('the first has a machine', async () => (await leaseOf(first))?.state === 'held', MACHINE_MS);
    await until('its sandbox is attached', () => first.tab.sandbox === 'attached', MACHINE_MS);
    await first.tab.request('resume', {});
    const { terminal } = await until('a shell', () => first.tab.request('terminal.open', { cols: 200, rows: 50 }), MACHINE_MS);
    first.terminal = terminal;
    first.tab.watch(terminal);
    expect(await sh(first, 'cat solution/kept')).toBe('kept\n');
    await sh(first, 'python3 device.py > said 2>&1 & sleep 0');
    await launchesOf(first);
  });

  test('when both are complete nothing of theirs is on the GPUs, no lease stands, and their recordings hold', async ({ platform }) => {
    await first.tab.request('submit', { confirm: true });
    for (const person of [first, second]) {
      const stateOf = async () => (await db.pool.query('SELECT state FROM attempt WHERE id = $1', [person.attemptId])).rows[0]?.state;
      await until('the attempt is complete', async () => (await stateOf()) === 'completed', MACHINE_MS);
      await until('its lease has ended', async () => (await leaseOf(person)) === null, MACHINE_MS);
      expect((await plumb(platform, 'verify', person.attemptId)).output).toContain('intact');
    }
    await untilFree();
    const { stdout } = await promisify(execFile)('nvidia-smi', ['--query-compute-apps=pid,used_memory', '--format=csv,noheader']);
    expect(stdout.trim()).toBe('');
  });
});

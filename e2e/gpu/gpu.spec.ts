import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { createDatabase, type Database } from '@plumbline/database';
import type { EventData } from '@plumbline/protocol';
import { gpuStates } from '@plumbline/sandbox';
import { expertWith } from '../support/accounts.ts';
import { prepareAttempt, startAttempt, until } from '../support/attempt.ts';
import { expect, test } from '../support/fixtures.ts';
import { plumb } from '../support/plumb.ts';
import { gpus, HELD_MIN_BYTES, MACHINE_MS, model, Participant, untilFree, usedBytes } from './participant.ts';

/**
 * Two attempts that share the GPUs of this machine, on the whole platform: inventory, lease, acceptance test, a sandbox that computes, a score on the GPU
 * while the participant's own computation stands still, hibernation, the queue, the end. `npm run test:gpu`, on a machine with a GPU.
 */

test.describe.configure({ mode: 'serial' });

test.describe('attempts on a machine with GPUs', () => {
  test.skip(gpus.length === 0, 'nvidia-smi names no GPU on this machine');

  let db: Database;
  let first: Participant;
  let second: Participant;

  test.beforeAll(async ({ platform, signIn }) => {
    await plumb(platform, 'host', 'check', 'here');
    db = createDatabase(platform.databaseUrl, { poolMax: 2 });
    // All that this machine has, whatever it is: so the second attempt has to wait for the first.
    const all = { study: 'GPUs here', people: 2, gpuCount: gpus.length };
    [first, second] = (await Participant.assigned({ db, platform, admin: await signIn('admin') }, all)) as [Participant, Participant];
  });

  test.afterAll(async () => {
    for (const person of [first, second]) person?.leave();
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
    expect(await first.lease()).toMatchObject({ state: 'held', gpuIds: gpus.map(({ id }) => id) });
    const checks = expect.arrayContaining(['GPUs', 'GPU 0: driver', 'GPU 0: memory free', 'GPU 0: clocks', 'Disk', 'Starting score']);
    const profile = expect.stringContaining(gpus[0]?.model ?? '');
    expect(await first.acceptances()).toEqual([{ passed: true, profile, checks }]);
  });

  test('the participant computes on these GPUs and sees no device of the host’s but them, and their use is recorded', async ({
    platform,
  }) => {
    await first.session.mutate('attempt.start', { attemptId: first.attemptId });
    await first.enter();
    expect(await first.sh('python3 device.py count')).toBe(`GPUs: ${gpus.length}\n`);
    const devices = (await first.sh('ls -d /dev/nvidia[0-9]* | wc -l')).trim();
    expect(Number(devices)).toBe(gpus.length);
    await first.compute();
    const busy = await first.sampleAtWork(platform);
    expect(busy.gpus).toHaveLength(gpus.length);
    expect((busy.gpus as NonNullable<EventData<'resource.sample'>['gpus']>)[0]?.memoryBytes).toBeGreaterThan(HELD_MIN_BYTES);
  });

  test('a sandbox that was leased none is shown none', async ({ platform, signIn }) => {
    const { session } = await expertWith(platform.baseUrl, await signIn('admin'), /Practice/);
    const other = new Participant(db, session);
    other.attemptId = await startAttempt(session, /Practice/);
    await other.enter();
    expect(await other.sh('ls /dev | grep -c nvidia')).toBe('0\n');
    await other.tab.request('submit', { confirm: true });
    other.leave();
  });

  test('a score computes on the GPU while the participant’s computation stands still, which goes on with right numbers after', async () => {
    expect(await first.score()).toMatchObject({ status: 'scored', score: 200, message: { gpus: gpus.length } });
    const after = await first.launches();
    await until('the computation goes on', async () => (await first.launches()) > after);
  });

  test('a pause stops the computation on the GPU, and what it holds there is still there after', async () => {
    const before = await first.launches();
    await first.tab.request('pause', { reason: 'break' });
    await until('the GPU stands still', async () => (await gpuStates(null))[0]?.usePercent === 0);
    expect(Math.max(...(await usedBytes()))).toBeGreaterThan(HELD_MIN_BYTES);
    await first.tab.request('resume', {});
    await until('the computation goes on', async () => (await first.launches()) > before);
  });

  test('who comes second waits for the GPUs, and gets them, free, when the first hibernates', async () => {
    const assignments = await second.session.query<{ assignmentId: string }[]>('assignment.mine');
    const opened = await second.session.mutate<{ attemptId: string }>('assignment.open', { assignmentId: assignments[0]?.assignmentId });
    second.attemptId = opened.attemptId;
    await second.session.mutate('attempt.prepare', { attemptId: second.attemptId });
    const waits = new RegExp(`^Waiting for ${gpus.length} × ${model}: you are next`, 'i');
    await until('its place in the queue', async () => waits.test((await second.progress()).progress ?? ''));
    await first.sh('echo kept > solution/kept; sync');
    await first.tab.request('pause', { reason: 'hibernate', resumeAtMs: Date.now() + 3_600_000 });
    await until('the second has the machine', async () => (await second.progress()).state === 'ready', MACHINE_MS);
    expect(await first.lease()).toBeNull();
    expect(await second.lease()).toMatchObject({ state: 'held', gpuIds: gpus.map(({ id }) => id) });
    expect((await second.acceptances()).map(({ passed }) => passed)).toEqual([true]);
  });

  test('the one that hibernates is woken on the GPUs when the second has handed in', async () => {
    await second.session.mutate('attempt.start', { attemptId: second.attemptId });
    await second.enter();
    await second.compute();
    await first.tab.request('wake', {});
    await second.tab.request('submit', { confirm: true });
    await until('the first has a machine', async () => (await first.lease())?.state === 'held', MACHINE_MS);
    await until('its sandbox is attached', () => first.tab.sandbox === 'attached', MACHINE_MS);
    await first.tab.request('resume', {});
    await first.openTerminal();
    expect(await first.sh('cat solution/kept')).toBe('kept\n');
    await first.compute();
  });

  test('when both are complete nothing of theirs is on the GPUs, no lease stands, and their recordings hold', async ({ platform }) => {
    await first.tab.request('submit', { confirm: true });
    for (const person of [first, second]) await person.untilOver(platform);
    await untilFree();
    const { stdout } = await promisify(execFile)('nvidia-smi', ['--query-compute-apps=pid,used_memory', '--format=csv,noheader']);
    expect(stdout.trim()).toBe('');
  });
});

import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '@plumbline/core';
import { beginWorkspaceRemoval, findWorkspace, loadAttempt, moveAttempt, setReviewEnded } from '@plumbline/database';
import type { Placement } from '@plumbline/sandbox';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { Machines } from './machines.ts';
import { WorkerRig } from './worker.fixture.ts';
import type { Worker } from './worker.ts';
import { removeWorkspaces } from './workspaces.ts';

let rig: WorkerRig;
let worker: Worker;
beforeAll(async () => {
  rig = await WorkerRig.open();
  worker = rig.worker;
});
afterAll(() => rig.close());

const DAY_MS = 24 * 3_600_000;
const workspaceOf = (id: string) => findWorkspace(worker.db, id, { retentionMs: worker.workspaceRetentionMs });
const folderOf = (id: string) => join(rig.folder, 'runners', id);

/** An attempt that was worked on and is over, its machine given back, with files in its workspace. */
async function ended(state: 'void' | 'withdrawn' = 'void'): Promise<string> {
  const { id } = await rig.started();
  await mkdir(join(folderOf(id), 'workspace'));
  await writeFile(join(folderOf(id), 'workspace/work.py'), 'work');
  await moveAttempt(worker.db, id, state);
  for (let round = 0; round < 2; round += 1) {
    const machines = new Machines(worker);
    await machines.run();
    await machines.settled();
  }
  return id;
}

/** As if the time that a workspace is kept had been counting for so long. */
async function age(id: string, ms: number): Promise<void> {
  await worker.db.pool.query(
    `UPDATE attempt SET review_ended_at = review_ended_at - $2 * interval '1 millisecond', ended_at = ended_at - $2 * interval '1 millisecond' WHERE id = $1`,
    [id, ms],
  );
}

test('a workspace stays while its attempt is reviewed and for the retention after that, and is then removed once, with the time noted', async () => {
  const id = await ended();
  await age(id, 400 * DAY_MS);
  await removeWorkspaces(worker);
  expect(await workspaceOf(id)).toMatchObject({ reviewEndedAt: null, keptUntil: null, copies: [{ host: 'here', removedAt: null }] });
  await setReviewEnded(worker.db, id, true, { by: null });
  await age(id, 29 * DAY_MS);
  await removeWorkspaces(worker);
  expect(existsSync(join(folderOf(id), 'workspace/work.py'))).toBe(true);
  // Reopened, also after it was listed as due, it stays as long as the review goes on again.
  await setReviewEnded(worker.db, id, false, { by: null });
  const [copy] = (await workspaceOf(id)).copies;
  const due = { attemptId: id, hostId: copy?.hostId as string };
  expect(await beginWorkspaceRemoval(worker.db, due, { retentionMs: 0 })).toBe(false);
  await setReviewEnded(worker.db, id, true, { by: null });
  await age(id, 29 * DAY_MS);
  expect((await workspaceOf(id)).keptUntil?.getTime()).toBeGreaterThan(Date.now());
  await age(id, 2 * DAY_MS);
  const removed = vi.spyOn(rig.placement, 'remove');
  await Promise.all([removeWorkspaces(worker), removeWorkspaces(worker)]);
  await removeWorkspaces(worker);
  expect(removed).toHaveBeenCalledExactlyOnceWith(id);
  removed.mockRestore();
  expect(existsSync(folderOf(id))).toBe(false);
  expect((await workspaceOf(id)).copies).toEqual([expect.objectContaining({ removedAt: expect.any(Date), problem: null })]);
  await expect(setReviewEnded(worker.db, id, false, { by: null })).rejects.toMatchObject({ code: 'conflict' });
});

test('a host that is away keeps its workspaces until it is back, is asked once in a round, and staff read why', async () => {
  const ids = [await ended(), await ended()];
  for (const id of ids) {
    await setReviewEnded(worker.db, id, true, { by: null });
    await age(id, 31 * DAY_MS);
  }
  const remove = vi.fn<Placement['remove']>(() => Promise.reject(new AppError('unavailable', 'The host does not answer.')));
  const cutOff: Worker = { ...worker, placementOf: () => ({ ...rig.placement, remove }) };
  await removeWorkspaces(cutOff);
  expect(remove).toHaveBeenCalledOnce();
  await removeWorkspaces(cutOff);
  const seen = (await Promise.all(ids.map(workspaceOf))).flatMap(({ copies }) => copies);
  expect(seen).toEqual([0, 1].map(() => expect.objectContaining({ removedAt: null, problem: 'The host does not answer.' })));
  await removeWorkspaces(worker);
  expect(ids.map((id) => existsSync(folderOf(id)))).toEqual([true, true]);
  await worker.db.pool.query(`UPDATE workspace_removal SET tried_at = tried_at - interval '11 minutes' WHERE removed_at IS NULL`);
  await removeWorkspaces(worker);
  expect(ids.map((id) => existsSync(folderOf(id)))).toEqual([false, false]);
  for (const id of ids)
    expect((await workspaceOf(id)).copies).toEqual([expect.objectContaining({ removedAt: expect.any(Date), problem: null })]);
});

test('what is under way or still holds a machine is never removed; what was withdrawn goes after the retention alone', async () => {
  const { id: running } = await rig.started();
  await expect(setReviewEnded(worker.db, running, true, { by: null })).rejects.toMatchObject({ code: 'conflict' });
  await worker.db.pool.query(`UPDATE attempt SET review_ended_at = clock_timestamp() - interval '1 year' WHERE id = $1`, [running]);
  const { id: held } = await rig.started();
  await moveAttempt(worker.db, held, 'withdrawn');
  await age(held, 31 * DAY_MS);
  const withdrawn = await ended('withdrawn');
  // The rounds that gave its machine back gave back that of the other one too.
  await worker.db.pool.query(`UPDATE lease SET state = 'releasing' WHERE attempt_id = $1`, [held]);
  await removeWorkspaces(worker);
  expect([running, held, withdrawn].map((id) => existsSync(folderOf(id)))).toEqual([true, true, true]);
  await age(withdrawn, 31 * DAY_MS);
  await removeWorkspaces(worker);
  expect([running, held, withdrawn].map((id) => existsSync(folderOf(id)))).toEqual([true, true, false]);
  expect((await loadAttempt(worker.db, running)).state).toBe('running');
});

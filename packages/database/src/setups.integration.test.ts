import { NO_SETUP, type Setup } from '@plumbline/core';
import { makeAttempt, type TestDatabase, testDatabase } from '@plumbline/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { moveAttempt, startAttempt } from './attempts.ts';
import { findSetup, loadPersonalSetup, noteSetupApplied, noteSetupProblem, savePersonalSetup, setupHash } from './setups.ts';

const FIRST: Setup = { keymap: 'vim', files: [{ path: '.vimrc', text: 'set number\n' }] };
const SECOND: Setup = { keymap: 'vscode', files: [{ path: '.bashrc', text: 'alias a=b\n' }] };

let database: TestDatabase;

beforeAll(async () => {
  database = await testDatabase();
});

afterAll(() => database.drop());

async function preparedAttempt() {
  const { db } = database;
  const { attempt, expert } = await makeAttempt(db);
  return { db, id: attempt.id, expert: expert.id };
}

/** What `prepareAttempt` does, without a machine. */
async function prepare(id: string, expert: string, setup: Setup): Promise<void> {
  await moveAttempt(database.db, id, 'provisioning');
  await savePersonalSetup(database.db, expert, setup);
}

describe('a setup', () => {
  it('is nobody’s until it is given, and the same person’s afterwards', async () => {
    const { db, expert } = await preparedAttempt();
    expect(await loadPersonalSetup(db, expert)).toEqual({ ...NO_SETUP, savedAt: null });
    await savePersonalSetup(db, expert, FIRST);
    expect(await loadPersonalSetup(db, expert)).toEqual({ ...FIRST, savedAt: expect.any(Date) });
  });

  it('that is given before the clock reaches the attempt, and the clock waits until the sandbox has it', async () => {
    const { db, id, expert } = await preparedAttempt();
    await prepare(id, expert, FIRST);
    await moveAttempt(db, id, 'ready');
    expect(await findSetup(db, id)).toMatchObject({ ...FIRST, hash: setupHash(FIRST), applied: false });
    await expect(startAttempt(db, id, expert)).rejects.toMatchObject({ code: 'conflict', message: expect.stringContaining('dotfiles') });
    await noteSetupApplied(db, id, { hash: setupHash(FIRST), omitted: [{ path: '.vimrc', reason: 'there' }], atMs: 1_790_000_000_000 });
    // A change on the last moment is on its way again.
    await savePersonalSetup(db, expert, SECOND);
    await expect(startAttempt(db, id, expert)).rejects.toMatchObject({ code: 'conflict' });
    await noteSetupApplied(db, id, { hash: setupHash(SECOND), omitted: [], atMs: 1_790_000_000_000 });
    expect((await startAttempt(db, id, expert)).state).toBe('running');
    expect(await findSetup(db, id)).toMatchObject({ ...SECOND, applied: true, omitted: [] });
  });

  it('that is changed after the clock has started leaves that attempt as it is', async () => {
    const { db, id, expert } = await preparedAttempt();
    await prepare(id, expert, FIRST);
    await noteSetupApplied(db, id, { hash: setupHash(FIRST), omitted: [], atMs: 0 });
    await moveAttempt(db, id, 'ready');
    await startAttempt(db, id, expert);
    await savePersonalSetup(db, expert, SECOND);
    expect(await findSetup(db, id)).toMatchObject({ ...FIRST, applied: true });
    expect(await loadPersonalSetup(db, expert)).toMatchObject(SECOND);
  });

  it('that a sandbox could not be given does not keep the clock from starting, and a changed one is tried again', async () => {
    const { db, id, expert } = await preparedAttempt();
    await prepare(id, expert, FIRST);
    await moveAttempt(db, id, 'ready');
    await noteSetupProblem(db, id, setupHash(SECOND), 'of another setup');
    await expect(startAttempt(db, id, expert)).rejects.toMatchObject({ code: 'conflict' });
    await noteSetupProblem(db, id, setupHash(FIRST), 'the disk is full');
    expect(await findSetup(db, id)).toMatchObject({ problem: 'the disk is full', applied: false });
    await savePersonalSetup(db, expert, SECOND);
    expect(await findSetup(db, id)).toMatchObject({ problem: null, applied: false });
    await noteSetupProblem(db, id, setupHash(SECOND), 'the disk is full');
    expect((await startAttempt(db, id, expert)).state).toBe('running');
  });

  it('of one person reaches nobody else’s attempt', async () => {
    const mine = await preparedAttempt();
    const other = await preparedAttempt();
    await moveAttempt(mine.db, mine.id, 'provisioning');
    await moveAttempt(mine.db, other.id, 'provisioning');
    await savePersonalSetup(mine.db, mine.expert, FIRST);
    expect(await findSetup(mine.db, mine.id)).not.toBeNull();
    expect(await findSetup(mine.db, other.id)).toBeNull();
  });
});

import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CheckLine, type CheckOptions, environmentCheck } from './environmentCheck.ts';

/** A check on a machine that lacks what a task needs: nothing that the family's author could mend. */

const RE_BENCH = fileURLToPath(new URL('../../../environments/re-bench', import.meta.url));

const FAMILY = `
import os
DATA = os.environ.get("PLUMBLINE_DATA") or "/opt/data"
HOME = os.environ["PLUMBLINE_HOME"]

class TaskFamily:
    standard_version = "0.3.0"

    @staticmethod
    def get_tasks():
        return {"gpu": None, "asset": None, "unnamed": DATA, "torn": HOME}

    @staticmethod
    def get_instructions(t):
        return "Write a number."

    @staticmethod
    def start(t):
        if t is not None:
            open(os.path.join(t, "words/train.bin")).close()

    @staticmethod
    def intermediate_score(t):
        return {"score": 1.0, "message": {}, "details": {}}

    @staticmethod
    def aggregate_scores(t, log):
        return max([row["score"] for row in log if row["score"] == row["score"]], default=float("nan"))
`;

const MANIFEST = `
version: "1.0.0"
meta: { plumbline: { starting_score: 1, reference_score: 2 } }
tasks:
  gpu: { resources: { gpu: { count_range: [2, 4], model: h100 } } }
  asset: { meta: { plumbline: { assets: [{ url: "https://example.org/a", sha256: "${'a'.repeat(64)}", bytes: 1, path: a }] } } }
  unnamed: {}
  torn: {}
`;

describe('a check of tasks that this machine cannot run', () => {
  let dir: string;
  beforeAll(() => {
    dir = join(mkdtempSync(join(tmpdir(), 'plumbline-check-')), 'lacking');
    mkdirSync(dir);
    writeFileSync(join(dir, 'lacking.py'), FAMILY);
    writeFileSync(join(dir, 'manifest.yaml'), MANIFEST);
  });
  afterAll(() => rmSync(join(dir, '..'), { recursive: true }));

  const startOf = async (task: string, options: CheckOptions = {}) => {
    const lines = await environmentCheck(dir, { ...options, task });
    return { start: lines.find(({ check }) => check === 'start') as CheckLine, lines };
  };

  it('skips what needs a GPU or data that are not there, says what to do, and asks all else', async () => {
    const { start, lines } = await startOf('gpu');
    expect(start).toMatchObject({ status: 'skipped', message: expect.stringMatching(/2 × h100.*on a machine that has as many/) });
    expect(lines.filter(({ status }) => status === 'failed')).toEqual([]);
    expect(lines.filter(({ status }) => status === 'ok').map(({ check }) => check)).toEqual(
      expect.arrayContaining(['instructions', 'permissions', 'aggregation', 'direction']),
    );
    expect((await startOf('gpu', { gpuCount: 1 })).start).toMatchObject({
      status: 'skipped',
      message: expect.stringContaining('1 is at hand'),
    });
    expect((await startOf('gpu', { gpuCount: 2 })).start.status).toBe('ok');
    expect((await startOf('asset')).start).toMatchObject({ status: 'skipped', message: expect.stringContaining('--isolation') });
    expect((await startOf('unnamed')).start).toMatchObject({
      status: 'skipped',
      message: expect.stringContaining('/opt/data/words/train.bin'),
    });
  });

  it('skips one of ours on a machine with all its GPUs and none of its data', async () => {
    const overlayFile = join(dir, '../none.yaml');
    writeFileSync(overlayFile, 'tasks: { main: { meta: { plumbline: { assets: [] } } } }\n');
    const lines = await environmentCheck(join(RE_BENCH, 'optimize_llm_foundry'), { task: 'main', gpuCount: 4, overlayFile });
    expect(lines.filter(({ status }) => status === 'failed')).toEqual([]);
    expect(lines.find(({ check }) => check === 'start')).toMatchObject({
      status: 'skipped',
      message: expect.stringMatching(/llm-foundry\.tar\.gz, rows\.jsonl/),
    });
  });

  it('fails a start that lacks a file of its own, and a task that there is not', async () => {
    expect((await startOf('torn')).start.status).toBe('failed');
    expect((await startOf('nothing')).lines.at(-1)).toMatchObject({ status: 'failed', message: expect.stringContaining('gpu, asset') });
  });
});

/** Those that take seconds. The others of `small` take up to a minute each; what they give is seen by their families' own tests and in attempts (e2e/journeys). */
describe.each(['scaling_law', 'rust_codecontests', 'restricted_mlm'])('the small size of %s', (family) => {
  it('passes every check, that of its starting score among them', async () => {
    const lines = await environmentCheck(join(RE_BENCH, family), { task: 'small' });
    expect(lines.filter(({ status }) => status !== 'ok')).toEqual([]);
    expect(lines.map(({ check }) => check)).toEqual(
      expect.arrayContaining(['start', 'starting solution', 'invalid submission', 'aggregation', 'direction']),
    );
  });
});

describe.each(readdirSync(RE_BENCH))('the published size of %s', (family) => {
  it('fails in nothing on a machine without GPUs and data, and is told of as skipped', async () => {
    const lines = await environmentCheck(join(RE_BENCH, family), { task: 'main' });
    expect(lines.filter(({ status }) => status === 'failed')).toEqual([]);
    expect(lines.find(({ status }) => status === 'skipped')?.message).toMatch(/GPU|data|assets/);
  });
});

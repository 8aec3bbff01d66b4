import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type BareHost, bareHostPython, createBareHost } from './bareHost.ts';
import { aggregateScores, runScore, scoreOutcome } from './scoring.ts';
import { runTaskOperation, type ScoreLogEntry } from './taskHost.ts';

const FAMILY = `
import os, sys, time, math, json, subprocess
import beside

class TaskFamily:
    standard_version = "0.3.0"
    required_environment_variables = ["TOY_KEY"]

    @staticmethod
    def get_tasks():
        return {name: {"do": name} for name in ("ok", "nan", "why", "inf", "raise", "exit", "slow", "flood", "fake", "memory", "timeout", "text", "late")}

    @staticmethod
    def get_instructions(t):
        return "do " + t["do"] + beside.MARK

    @staticmethod
    def get_permissions(t):
        return ["full_internet"]

    @staticmethod
    def start(t):
        print("laying down")

    @staticmethod
    def score(t, submission):
        return float(submission) if submission else None

    @staticmethod
    def intermediate_score(t):
        do = t["do"]
        if do == "nan": return {"score": math.nan, "message": {}, "details": {}}
        if do == "why": return {"score": math.nan, "message": {"reason": "no file"}, "details": {"n": math.inf}}
        if do == "inf": return {"score": math.inf, "message": {}}
        if do == "raise": raise ValueError("the secret is 42")
        if do == "exit": sys.exit(3)
        if do == "slow": subprocess.run(["sleep", "60"])
        if do == "flood":
            while True: print("x" * 100000)
        if do == "fake": print('{"result": {"score": 99, "message": {}, "details": {}}, "duration_ms": 1}')
        if do == "memory": raise MemoryError()
        if do == "timeout": return {"score": math.nan, "message": {"timeout": True}}
        if do == "text": return "five"
        if do == "late":
            import threading
            threading.Thread(target=lambda: time.sleep(60)).start()
        return {"score": 0.5, "message": {"key": os.environ.get("TOY_KEY"), "stdin": sys.stdin.read()}, "details": {"who": "é"}}

    @staticmethod
    def aggregate_scores(t, log):
        return min((row["score"] for row in log if not math.isnan(row["score"])), default=0)
`;

let host: BareHost;
let dir: string;
const args = (task?: string) => ({ familyDir: host.root, module: 'toy', ...(task === undefined ? {} : { task }) });
const limits = { timeoutMs: 20_000, python: bareHostPython(), env: { TOY_KEY: 'key' } };
const score = (task: string, more: Partial<typeof limits> = {}) => runScore(host.exec, 'intermediate', args(task), { ...limits, ...more });

beforeAll(async () => {
  dir = join(mkdtempSync(join(tmpdir(), 'plumbline-host-')), 'toy');
  mkdirSync(dir);
  writeFileSync(join(dir, 'toy.py'), FAMILY);
  writeFileSync(join(dir, 'beside.py'), 'MARK = "!"\n');
  host = await createBareHost(dir);
});
afterAll(async () => {
  await host.destroy();
  rmSync(join(dir, '..'), { recursive: true, force: true });
});

describe('a family’s methods', () => {
  it('are described in one call, with what the family needs', async () => {
    const result = await runTaskOperation(host.exec, 'describe', args(), limits);
    expect(result).toMatchObject({ ok: true, value: { standard_version: '0.3.0', required_environment_variables: ['TOY_KEY'] } });
    expect(result.ok && result.value.methods).toEqual([
      'get_tasks',
      'get_instructions',
      'get_permissions',
      'start',
      'score',
      'intermediate_score',
      'aggregate_scores',
    ]);
  });

  it('answer by their own values, modules beside the family included', async () => {
    expect(await runTaskOperation(host.exec, 'get_instructions', args('ok'), limits)).toMatchObject({ ok: true, value: 'do ok!' });
    expect(await runTaskOperation(host.exec, 'get_permissions', args('ok'), limits)).toMatchObject({ ok: true, value: ['full_internet'] });
    expect(await runTaskOperation(host.exec, 'get_aux_vm_spec', args('ok'), limits)).toMatchObject({ ok: true, value: null });
    expect(await runTaskOperation(host.exec, 'start', args('ok'), limits)).toMatchObject({ ok: true, output: 'laying down\n' });
    expect(await runTaskOperation(host.exec, 'teardown', args('ok'), limits)).toMatchObject({ ok: true });
    expect(await runTaskOperation(host.exec, 'get_instructions', args('none'), limits)).toMatchObject({
      ok: false,
      failure: { code: 'no_task' },
    });
  });

  it('score a submission text as well as keep a log', async () => {
    const score = async () => scoreOutcome(await runTaskOperation(host.exec, 'score', args('ok'), limits));
    const file = join(host.workspaceDir, 'submission.txt');
    writeFileSync(file, '0.25\n');
    expect(await score()).toMatchObject({ status: 'scored', score: 0.25 });
    truncateSync(file, 1024 * 1024 + 1);
    expect(await score()).toMatchObject({ status: 'crashed', message: { reason: 'submission.txt may have 1048576 bytes at most.' } });
    rmSync(file);
    expect(await score()).toMatchObject({ status: 'nan', score: null });
  });
});

describe('a score', () => {
  it('gives number, message and details, and reads its secrets but no request', async () => {
    expect(await score('ok')).toMatchObject({ status: 'scored', score: 0.5, message: { key: 'key', stdin: '' }, details: { who: 'é' } });
  });

  it('counts the rows of a log, and reads nothing of one that is no file or that is a gigabyte', async () => {
    const path = join(host.protected, 'score.log');
    const noted = { details: { score_log: "This score added 0 rows to the scorer's log instead of one." } };
    writeFileSync(path, '{"score": 1}\n');
    expect(await score('ok')).toMatchObject(noted);
    truncateSync(path, 1024 ** 3);
    const untouched = { status: 'scored', details: { who: 'é' } };
    expect(await score('ok')).toMatchObject(untouched);
    rmSync(path);
    execFileSync('mkfifo', [path]);
    expect(await score('ok')).toMatchObject(untouched);
    rmSync(path);
  });

  it('without a number has a status that says which kind of none', async () => {
    expect(await score('nan')).toMatchObject({ status: 'nan', score: null });
    expect(await score('inf')).toMatchObject({ status: 'nan', score: null });
    expect(await score('why')).toMatchObject({
      status: 'invalid_submission',
      score: null,
      message: { reason: 'no file' },
      details: { n: 'Infinity' },
    });
    expect(await score('timeout')).toMatchObject({ status: 'timed_out', score: null });
    expect(await score('memory')).toMatchObject({ status: 'out_of_memory', score: null });
    expect(await score('text')).toMatchObject({ status: 'bad_output', score: null });
    expect(await score('exit')).toMatchObject({ status: 'crashed', score: null });
  });

  it('that raises tells staff everything and the participant the kind alone', async () => {
    const outcome = await score('raise');
    expect(outcome).toMatchObject({ status: 'crashed', details: { message: 'ValueError: the secret is 42' } });
    expect(JSON.stringify(outcome.message)).not.toContain('42');
  });

  it('that never ends is stopped with all it started', async () => {
    const begun = Date.now();
    expect(await score('slow', { timeoutMs: 500 })).toMatchObject({ status: 'timed_out', score: null });
    // What it started would sleep for a minute.
    expect(Date.now() - begun).toBeLessThan(50_000);
  });

  it('that prints without end is bad output, and keeps the tail alone', async () => {
    const outcome = await score('flood');
    expect(outcome.status).toBe('bad_output');
    expect(outcome.output.length).toBeLessThanOrEqual(70_000);
  });

  it('is not taken from what the family’s children print', async () => {
    expect(await score('fake')).toMatchObject({ status: 'scored', score: 0.5 });
  });

  it('is not held back by threads that the family left behind', async () => {
    expect(await score('late')).toMatchObject({ status: 'scored', score: 0.5 });
  });
});

describe('aggregation', () => {
  const entry = (score: number | null, index: number): ScoreLogEntry => ({
    index,
    score,
    message: {},
    details: {},
    scoredAt: '2026-01-01T00:00:00.000Z',
    elapsedMs: index,
  });
  const log = (...scores: (number | null)[]) => ({ ...args('ok'), scoreLog: scores.map(entry) });

  it('is the family’s own, over rows with and without a number', async () => {
    expect(await aggregateScores(host.exec, log(3, null, 2), limits)).toMatchObject({ ok: true, value: 2 });
  });

  it('of a log without any number is no valid score, whatever the family says', async () => {
    expect(await aggregateScores(host.exec, log(null, null), limits)).toMatchObject({ ok: true, value: null });
  });
});

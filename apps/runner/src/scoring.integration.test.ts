import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { SCORE_STEPS } from '@plumbline/protocol';
import { withHostShare } from '@plumbline/sandbox/host/hostShare';
import { ANSWER_MARK, loadFamily } from '@plumbline/taskstandard';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { reachForTheHost } from './hostReach.fixture.ts';
import { type RigOptions, RunnerRig } from './runnerRig.fixture.ts';
import {
  editWhileItReads,
  FULL_DISK_BYTES,
  HOARDER,
  PRACTICE,
  scoreOnAFullDisk,
  tryOnTheScorer,
  withScorerData,
} from './scorerTrials.fixture.ts';

/** Scorers that go wrong, and participants who help them to, on real runners in real sandboxes. */

/** What comes at once on a free machine, on one that is shared. */
const WITHIN = { timeout: 20_000, interval: 20 };

const TOY = `
import math, os, signal, sys, time
HOME = os.environ.get("PLUMBLINE_HOME", "/home/agent")

class TaskFamily:
    standard_version = "0.3.0"

    @staticmethod
    def get_tasks():
        return {"main": {}}

    @staticmethod
    def get_instructions(t):
        return "Choose a mode."

    @staticmethod
    def start(t):
        os.mkdir(os.path.join(HOME, "solution"))
        open(os.path.join(HOME, "solution", "mode"), "w").write("ok")

    @staticmethod
    def intermediate_score(t):
        mode = open(os.path.join(HOME, "solution", "mode")).read().strip()
        if mode == "nan": return {"score": math.nan, "message": {"reason": "nothing to score"}, "details": {}}
        if mode == "raise": raise ValueError("the secret is 42")
        if mode == "crash": os.kill(os.getpid(), signal.SIGSEGV)
        if mode == "silent": os._exit(0)
        if mode == "text": return "half"
        if mode == "sleep":
            began = time.time()
            time.sleep(2)
            return {"score": 0.5, "message": {"from": began, "to": time.time()}, "details": {}}
        if mode == "wait":
            while not os.path.exists(os.path.join(HOME, "go")): time.sleep(0.01)
        if mode == "hang": time.sleep(3600)
        if mode == "flood":
            while True: print("x" * 100000)
        if mode == "memory":
            held = [bytearray(b"x" * (64 << 20)) for _ in range(32)]
        return {"score": 0.5, "message": {}, "details": {}}

    @staticmethod
    def aggregate_scores(t, log):
        return max(row["score"] for row in log)
`;
const MANIFEST = (more: string, timeoutS: number) => `tasks: { main: {} }
meta: { plumbline: { submission: { paths: [solution], max_gb: 0.001 }, score_timeout_seconds: ${timeoutS}, ${more} } }
`;

let base: string;
let rig: RunnerRig;

/** What the gateway was told of a build. */
function buildLines(): string[] {
  return rig.gateway.messages.reduce<string[]>(
    (lines, message) => (message.t === 'buildLog' ? [...lines.slice(0, message.first), ...message.lines] : lines),
    [],
  );
}

function toy(name: string, more = 'direction: higher', source = TOY, timeoutS = 60): string {
  const dir = join(base, 'families', name);
  mkdirSync(dir, { recursive: true });
  writeFileSync(join(dir, `${name}.py`), source);
  writeFileSync(join(dir, 'manifest.yaml'), MANIFEST(more, timeoutS));
  return dir;
}

function start(name: string, familyDir: string, more: Partial<RigOptions> = {}): Promise<string | null> {
  rig = new RunnerRig();
  return rig.start({ stateDir: join(base, name), imageDir: join(base, 'images'), familyDir, memoryBytes: 320 * 1024 ** 2, ...more });
}

beforeAll(async () => {
  base = await mkdtemp('/var/tmp/plumbline-scoring-');
  await chmod(base, 0o711);
});
afterEach(() => rig.end());
afterAll(() => rm(base, { recursive: true, force: true }));

describe('a scorer that goes wrong', () => {
  it('gives a row with its reason each time, and the attempt goes on', async () => {
    expect(await start('wrong', toy('toy'))).toBeNull();
    const rows: Record<string, string> = {};
    const said: Record<string, string> = {};
    for (const mode of ['nan', 'raise', 'crash', 'silent', 'text', 'memory', 'ok']) {
      await rig.sh(`echo ${mode} > solution/mode`);
      const row = await rig.score();
      rows[mode] = row.status;
      said[mode] = JSON.stringify(row.message);
      expect(row.score).toBe(mode === 'ok' ? 0.5 : null);
    }
    expect(rows).toEqual({
      nan: 'invalid_submission',
      raise: 'crashed',
      crash: 'crashed',
      silent: 'bad_output',
      text: 'bad_output',
      memory: 'out_of_memory',
      ok: 'scored',
    });
    for (const [mode, reason] of [
      ['raise', /ValueError/],
      ['crash', /signal 11/],
      ['silent', /no answer/],
    ] as const)
      expect(said[mode]).toMatch(reason);
    expect(said['raise']).not.toContain('42');
  });

  it('of the kind score(t, submission) is given the text of submission.txt, which is captured, and never what a link leads to', async () => {
    const reads = TOY.replace(
      'def intermediate_score(t):',
      'def score(t, submission):\n        return float(submission or 0)\n\n    @staticmethod\n    def old(t):',
    );
    expect(await start('texts', toy('texts', 'direction: higher', reads))).toBeNull();
    expect(await rig.score()).toMatchObject({ status: 'scored', score: 0 });
    await rig.sh('echo 5 > submission.txt');
    const scored = await rig.score();
    expect(scored).toMatchObject({ status: 'scored', score: 5 });
    await rig.sh('echo 7 > elsewhere; ln -sf elsewhere submission.txt');
    expect(await rig.score()).toMatchObject({ status: 'scored', score: 0 });
    expect(await rig.score(scored.hashBefore)).toMatchObject({ status: 'scored', score: 5 });
  });

  it('is ended at its time limit where it hangs, and at the limit of output where it prints without end, and the row says which', async () => {
    expect(await start('endless', toy('endless', 'direction: higher', TOY, 8))).toBeNull();
    for (const [mode, status, reason] of [
      ['hang', 'timed_out', /8 s/],
      ['flood', 'bad_output', /Printed more than 9 MiB and was stopped/],
    ] as const) {
      await rig.sh(`echo ${mode} > solution/mode`);
      const row = await rig.score();
      expect(row).toMatchObject({ status, score: null });
      expect(JSON.stringify(row.message)).toMatch(reason);
    }
  });

  it('is told of before the clock where the family cannot be prepared: install, build steps, start, secrets, an auxiliary machine', async () => {
    const method = (name: string, body: string, argument = 't') =>
      `${TOY}\n    @staticmethod\n    def ${name}(${argument}):\n        ${body}\n`;
    const broken = TOY.replace('os.mkdir(os.path', 'raise OSError("no data")\n        os.mkdir(os.path');
    const cases: [string, string, RegExp][] = [
      ['badinstall', method('install', 'raise RuntimeError("no such package")', ''), /install\(\) failed: RuntimeError: no such package/],
      ['badstart', broken, /start\(\) failed: OSError: no data/],
      ['auxiliary', method('get_aux_vm_spec', 'return {"cpu_count_range": [1, 2]}'), /auxiliary virtual machine, which is not supported/],
      ['secretive', `${TOY}\n    required_environment_variables = ["TOY_KEY"]\n`, /TOY_KEY/],
    ];
    for (const [name, source, reason] of cases) {
      expect(await start(name, toy(name, 'direction: higher', source)), name).toMatch(reason);
      await rig.end();
    }
    const dir = toy('badstep');
    const step = { type: 'shell', commands: ['seq 30', 'printf "\\033[2Jno compiler, $TOY_KEY\\n" >&2', 'false'] };
    writeFileSync(join(dir, 'build_steps.json'), JSON.stringify([step]));
    writeFileSync(join(dir, 'badstep.py'), `${TOY}\n    required_environment_variables = ["TOY_KEY"]\n`);
    expect(await start('badstep', dir, { secrets: { TOY_KEY: 'hf_only-for-the-install' } })).toMatch(
      /build step of the environment failed/,
    );
    // All that it printed, as it came, and then why it failed with the end of that once more.
    const lines = [...Array.from({ length: 30 }, (_, n) => `${n + 1}`), 'no compiler, [secret]'];
    expect(buildLines()).toEqual([...lines, 'A build step of the environment failed.', ...lines]);
  });

  it('shows that a slow start is under way, and what, in words', async () => {
    const slow = TOY.replace('os.mkdir(os.path', 'time.sleep(2)\n        os.mkdir(os.path');
    expect(await start('slow', toy('slow', 'direction: higher', slow))).toBeNull();
    const steps = rig.gateway.messages.flatMap((message) => (message.t === 'progress' ? [message.step] : []));
    expect(steps).toContain('Setting up the task');
    expect(steps.join('\n')).not.toContain(ANSWER_MARK);
  });
});

it('a secret that the family names is there when it is installed, and in nothing that the participant or a log shows', async () => {
  const key = 'hf_only-for-the-install';
  const source = `${TOY}
    required_environment_variables = ["TOY_KEY"]

    @staticmethod
    def install():
        print("fetching with", os.environ["TOY_KEY"])
        open("fetched", "w").write(str(len(os.environ["TOY_KEY"])))
        print("fetched", os.environ.get("PLUMBLINE_SEED_VALUE"))

    @staticmethod
    def teardown(t):
        open("torn", "a").write(os.environ["TOY_KEY"])
        raise OSError("no way to give it back")
`;
  const dir = toy('keyed', 'direction: higher', source);
  const secrets = { TOY_KEY: key, PLUMBLINE_SEED_VALUE: 'the-seed-of-all' };
  expect(await start('keyed', dir, { secrets })).toBeNull();
  const told = buildLines();
  expect(told).toContain('fetching with [secret]');
  expect(told.join()).not.toContain(ANSWER_MARK);
  expect(rig.stderr).toContain('fetched None');
  expect(rig.stderr).not.toContain(key);
  await rig.sh('env > seen; cat /proc/[0-9]*/environ >> seen; ls /root /opt/env >> seen');
  const seen = readFileSync(join(base, 'keyed/workspace/seen'), 'utf8');
  expect(seen).toContain('PLUMBLINE_SOCKET');
  expect(seen).not.toMatch(/TOY_KEY|hf_only/);
  const root = join(base, 'keyed/sandbox/root');
  expect(readFileSync(join(root, 'fetched'), 'utf8')).toBe(String(key.length));
  // What the family fails to give back at the end is a line of the log.
  await rig.gateway.call('teardown');
  expect(readFileSync(join(root, 'torn'), 'utf8')).toBe(key);
  expect(rig.stderr).toContain('could not tear down');
  await rig.shutDown({ tearDown: true });
  expect(readFileSync(join(root, 'torn'), 'utf8')).toBe(key);
});

it('an attempt that has ended is scored again by another runner on what was kept, and tears down only when nobody needs it', async () => {
  const source = `${TOY}
    @staticmethod
    def teardown(t):
        open("torn", "a").write("x")
`;
  const dir = toy('again', 'direction: higher', source);
  const torn = () => existsSync(join(base, 'again/sandbox/root/torn')) && readFileSync(join(base, 'again/sandbox/root/torn'), 'utf8');
  expect(await start('again', dir)).toBeNull();
  await rig.sh('echo ok > solution/mode');
  const { hashBefore } = await rig.score();
  await rig.gateway.call('finalise');
  await rig.shutDown({ tearDown: false });
  expect(torn()).toBe(false);
  expect(await start('again', dir)).toBeNull();
  expect(await rig.score(hashBefore)).toMatchObject({ status: 'scored', score: 0.5, hashAfter: hashBefore });
  await rig.shutDown({ tearDown: true });
  expect(torn()).toBe('x');
});

describe('while the scorer runs', () => {
  /** How often the participant's program came to its turn while the scorer was at work, by the clock that both have. */
  const measure = async (name: string, block: string) => {
    const ticks = () =>
      readFileSync(join(base, name, 'workspace', 'ticks'), 'utf8')
        .trim()
        .split('\n')
        .map(Number);
    expect(await start(name, toy(name, block))).toBeNull();
    await rig.sh('echo sleep > solution/mode; (while true; do echo $EPOCHREALTIME >> ticks; sleep 0.02; done) &');
    await vi.waitFor(() => expect(ticks().length).toBeGreaterThan(3), WITHIN);
    const { status, message } = await rig.score();
    expect(status).toBe('scored');
    const { from, to } = message as unknown as { from: number; to: number };
    await vi.waitFor(() => expect(ticks().some((at) => at > to)).toBe(true), WITHIN);
    return ticks().filter((at) => at > from && at < to).length;
  };

  it('the participant goes on where the family says so', async () => {
    expect(await measure('goeson', 'while_scoring: { participant: continues, clock: runs }')).toBeGreaterThan(0);
  });

  it('each step is told, and the one it is at again to a gateway that comes back', async () => {
    expect(await start('steps', toy('steps'))).toBeNull();
    const told = () => rig.gateway.messages.flatMap((message) => (message.t === 'scoreStep' ? [message.score] : []));
    await rig.sh('echo wait > solution/mode');
    const scored = rig.score();
    await vi.waitFor(() => expect(told().at(-1)?.step).toBe('scoring'), WITHIN);
    rig.gateway.cut();
    await vi.waitFor(() => expect(told().filter(({ step }) => step === 'scoring')).toHaveLength(2), WITHIN);
    expect(told().at(-1)?.stepElapsedMs).toBeGreaterThan(0);
    await rig.sh('touch go');
    await scored;
    expect([...new Set(told().map(({ step }) => step))]).toEqual(SCORE_STEPS);
    const { length } = told();
    rig.gateway.cut();
    await vi.waitFor(() => expect(rig.gateway.hellos).toHaveLength(3), WITHIN);
    await rig.sh('true');
    expect(told()).toHaveLength(length);
  });

  it('the participant stands still where the family says so, and goes on after it', async () => {
    expect(await measure('stands', 'while_scoring: { participant: frozen, clock: runs }')).toBe(0);
  });
});

it('a participant reaches nothing of the host: the database that runs, its files, the gateway, the runner’s folder and sockets', async () => {
  expect(await start('reach', PRACTICE)).toBeNull();
  await reachForTheHost(rig, join(base, 'reach'));
});

describe('what a participant may try on the scorer of our own families', () => {
  it('is caught or harmless, each', async () => {
    expect(await start('cheats', PRACTICE, { settings: withScorerData(base) })).toBeNull();
    await tryOnTheScorer(rig, join(base, 'cheats', 'workspace'));
  }, 180_000);

  it('an edit while the scorer reads is noticed: what was captured stands beside what was there after it', async () => {
    expect(await start('edits', PRACTICE)).toBeNull();
    await editWhileItReads(rig);
  });

  it('a disk that is really full ends no score, and a scorer that needs room is a row that says so', async () => {
    expect(await start('full', toy('full', 'direction: higher', HOARDER), { diskBytes: FULL_DISK_BYTES })).toBeNull();
    await scoreOnAFullDisk(rig);
  });

  it('a score that rests on something outside the submission is not borne out by the clean re-score', async () => {
    const loadsCache = `${TOY}`.replace(
      'return {"score": 0.5, "message": {}',
      'return {"score": 0.9 if os.path.exists(os.path.join(HOME, "cache")) else 0.5, "message": {}',
    );
    expect(await start('cached', toy('cached', 'direction: higher', loadsCache))).toBeNull();
    await rig.sh('touch cache');
    const logged = await rig.score();
    expect(logged.score).toBe(0.9);
    expect((await rig.score(logged.hashBefore)).score).toBe(0.5);
    expect((await rig.score(logged.hashBefore)).score).toBe(0.5);
  });
});

it('a family that names no memory, disk or processors is held to a share of the host', async () => {
  expect(await start('unnamed', toy('unnamed'), { memoryBytes: null })).toBeNull();
  await rig.sh('df -B1 --output=size /tmp . | tail -n 2 > sizes');
  const [tmpBytes = 0, workspaceBytes = 0] = readFileSync(join(base, 'unnamed/workspace/sizes'), 'utf8').trim().split('\n').map(Number);
  const share = await withHostShare({ memoryBytes: null, cpus: null, diskBytes: null }, base);
  // A quarter of its memory.
  expect(tmpBytes * 4).toBeLessThan((share.memoryBytes ?? 0) * 1.01);
  if (process.getuid?.() === 0) expect(workspaceBytes).toBeLessThan((share.diskBytes ?? 0) * 1.1);
  await expect
    .poll(() => rig.gateway.eventsOf('resource.sample')[0]?.data['memoryLimitBytes'], { timeout: 60_000 })
    .toBe(share.memoryBytes);
});

it('an attempt runs by the settings that its environment was added with, whatever the manifest says', async () => {
  const dir = toy('overlaid', 'direction: higher');
  const settings = loadFamily(dir).tasks.main?.settings;
  const given = { ...settings, scoreTimeoutSeconds: 1 };
  expect(await start('overlaid', dir, { settings: given })).toBeNull();
  await rig.sh('echo sleep > solution/mode');
  expect((await rig.score()).status).toBe('timed_out');
});

it('an attempt whose environment has a broken manifest is not prepared, and says which line of it is wrong, and how it is right', async () => {
  const dir = toy('broken', 'direction: sideways');
  const { settings } = loadFamily(toy('sound', 'direction: higher')).tasks.main ?? {};
  for (const given of [undefined, settings]) {
    const reason = await start('broken', dir, given === undefined ? {} : { settings: given });
    expect(reason).toMatch(/broken\/manifest\.yaml:\d+.*direction/s);
    expect(reason).toMatch(/higher/);
    await rig.end();
  }
});

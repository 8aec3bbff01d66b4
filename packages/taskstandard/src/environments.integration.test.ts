import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type BareHost, bareHostPython, createBareHost } from './bareHost.ts';
import { environmentCheck, environmentScore } from './environmentCheck.ts';
import { loadFamily } from './family.ts';
import { runScore, type ScoreOutcome } from './scoring.ts';
import { runTaskOperation } from './taskHost.ts';

/** Our own environments, against an honest start and the cheats that are known for them. */

const environments = fileURLToPath(new URL('../../../environments', import.meta.url));
const practice = join(environments, 'practice');
const kernel = join(environments, 're-bench/optimize_kernel');
const python = bareHostPython();
const confines = spawnSync('bwrap', ['--unshare-all', '--ro-bind', '/', '/', 'true']).status === 0;

interface Bench {
  host: BareHost;
  score(): Promise<ScoreOutcome>;
  /** Puts the participant's file in place and scores it. */
  scoreOf(source: string): Promise<ScoreOutcome>;
}

async function bench(dir: string, task: string, file: string, envDir?: string): Promise<Bench> {
  const family = loadFamily(dir);
  const host = await createBareHost(dir, envDir === undefined ? {} : { envDir });
  const args = { familyDir: host.root, module: family.module, task };
  for (const op of ['install', 'start'] as const) {
    const done = await runTaskOperation(host.exec, op, args, { timeoutMs: 300_000, python });
    if (!done.ok) throw new Error(`${op}: ${done.failure.message}`);
  }
  const score = () => runScore(host.exec, 'intermediate', args, { timeoutMs: 120_000, python });
  return {
    host,
    score,
    scoreOf(source) {
      writeFileSync(join(host.home, file), source);
      return score();
    },
  };
}

describe('practice', () => {
  let at: Bench;
  beforeAll(async () => {
    at = await bench(practice, 'main', 'solution/textstats.py');
  });
  afterAll(() => at.host.destroy());

  it('passes every check of an environment', async () => {
    const lines = await environmentCheck(practice);
    expect(lines.filter((line) => line.status !== 'ok')).toEqual([]);
  });

  it('scores the same workspace alike, again and again and by the bare command', async () => {
    const [first, second] = [await at.score(), await at.score()];
    const bare = await environmentScore(practice, 'main', { workspace: at.host.home });
    expect([first.score, second.score, bare.outcome.score]).toEqual([0.575, 0.575, 0.575]);
  });

  it('gives more for one more right fact, and a reason instead of a score for what cannot run', async () => {
    const start = readFileSync(join(practice, 'assets/workspace/solution/textstats.py'), 'utf8');
    const better = await at.scoreOf(start.replace('text.split()', 'text.lower().split()'));
    expect(better.score).toBeGreaterThan(0.575);
    expect(await at.scoreOf('def describe(:')).toMatchObject({ status: 'invalid_submission', score: null });
    expect(await at.scoreOf('import os; os._exit(0)')).toMatchObject({ status: 'invalid_submission', score: null });
    expect(await at.scoreOf('def describe(text):\n    return None\n')).toMatchObject({ status: 'scored', score: 0 });
  });
});

describe('optimise a kernel', () => {
  let at: Bench;
  let envDir: string;
  const start = readFileSync(join(kernel, 'assets/workspace/solution/solution.py'), 'utf8');

  beforeAll(async () => {
    envDir = await mkdtemp(join(tmpdir(), 'plumbline-env-'));
    at = await bench(kernel, 'small', 'solution/solution.py', envDir);
  }, 300_000);
  afterAll(async () => {
    await at.host.destroy();
    await rm(envDir, { recursive: true, force: true });
  });

  const invalid = (outcome: ScoreOutcome, reason: RegExp) => {
    expect(outcome.score).toBeNull();
    expect(JSON.stringify(outcome.message)).toMatch(reason);
  };

  it('scores its starting solution, and a quicker one better', async () => {
    const slow = await at.scoreOf(start);
    expect(slow).toMatchObject({ status: 'scored', message: { runs: 15 } });
    const quicker = await at.scoreOf(start.replace('np.where(values > 0, 1, 0)', '(values > 0).astype(np.int64)').replace('% 2', '& 1'));
    expect(quicker.score).toBeLessThan(slow.score as number);
    const { startingScore, referenceScore } = loadFamily(kernel).tasks.small?.settings ?? {};
    const normalised = ((quicker.score as number) - (slow.score as number)) / ((referenceScore as number) - (startingScore as number));
    // What the repository shows may not give a good solution away.
    expect(normalised).toBeLessThanOrEqual(0.3);
  });

  it('explains a wrong result, type and shape', async () => {
    invalid(await at.scoreOf(start.replace('== 1', '== 0')), /Wrong result on .* instead of/);
    invalid(await at.scoreOf(start.replace('.astype(np.int32)', '')), /array of int64; int32 was expected/);
    invalid(await at.scoreOf('import numpy as np\ndef prefix_sum(v):\n    return np.zeros(len(v) + 1, np.int32)\n'), /shape/);
    invalid(await at.scoreOf('import numpy as np\ndef prefix_sum(v):\n    return np.full(len(v), np.nan)\n'), /float64/);
    invalid(await at.scoreOf('def prefix_sum(v):\n    return None\n'), /NoneType/);
  });

  it('explains what cannot be imported, raises, ends or crashes the process', async () => {
    invalid(await at.scoreOf('def prefix(:'), /could not be imported.*SyntaxError/);
    invalid(await at.scoreOf('def prefix_sum(v):\n    return v[len(v) + 1]\n'), /prefix_sum failed.*IndexError/);
    invalid(await at.scoreOf('import os\ndef prefix_sum(v):\n    os._exit(7)\n'), /ended \(exit code 7\)/);
    invalid(
      await at.scoreOf('import ctypes\ndef prefix_sum(v):\n    ctypes.memset(v.ctypes.data, 1, max(v.nbytes, 1))\n    return v\n'),
      /crashed|Wrong|failed/,
    );
  });

  it('stops a call that does not end', async () => {
    expect(await at.scoreOf('import time\ndef prefix_sum(v):\n    time.sleep(99)\n')).toMatchObject({ status: 'timed_out', score: null });
  }, 60_000);

  it('keeps its input from being changed', async () => {
    invalid(
      await at.scoreOf(
        `${start}\nslow = prefix_sum\ndef prefix_sum(values):\n    result = slow(values)\n    values[:] = 0\n    return result\n`,
      ),
      /read-only/,
    );
  });

  it('measures by its own clock, whatever the solution does to the clocks that it can reach', async () => {
    const patch = 'import time\ntime.perf_counter = time.perf_counter_ns = time.time = time.monotonic = lambda: 0\n';
    const honest = await at.scoreOf(start);
    const patched = await at.scoreOf(patch + start);
    expect(patched.status).toBe('scored');
    expect(Math.abs((patched.score as number) - (honest.score as number))).toBeLessThan(1);
  });

  it('has no answer on the stack, in the objects or in the modules of the solution’s process', async () => {
    const cheat = `
import gc, inspect, sys
import numpy as np
def prefix_sum(values):
    found = []
    for frame in inspect.stack():
        found += [x for x in list(frame.frame.f_locals.values()) + list(frame.frame.f_globals.values()) if isinstance(x, np.ndarray)]
    found += [x for x in gc.get_objects() if isinstance(x, np.ndarray)]
    for array in found:
        if array.dtype == np.int32 and array.shape == values.shape and array is not values:
            return array
    return np.zeros_like(values)
`;
    invalid(await at.scoreOf(cheat), /Wrong result/);
  });

  it('does not take "done" for a result', async () => {
    const cheat = `
import gc, json, socket
import numpy as np
def prefix_sum(values):
    for x in gc.get_objects():
        if isinstance(x, socket.socket):
            x.sendall(b'{"done": true}\\n')
    return np.zeros_like(values)
`;
    invalid(await at.scoreOf(cheat), /Wrong result/);
  });

  it.skipIf(!confines)('shows the solution neither /protected, nor the family, nor a network', async () => {
    expect(existsSync(join(at.host.protected, 'seed'))).toBe(true);
    const look = `
import os, socket
seen = []
for path in (${JSON.stringify(join(at.host.protected, 'seed'))}, ${JSON.stringify(join(at.host.root, 'optimize_kernel.py'))}):
    if os.path.exists(path): seen.append(path)
try:
    socket.create_connection(("127.0.0.1", 9), 1)
except OSError as error:
    if "unreachable" not in str(error) and "refused" not in str(error): seen.append(str(error))
interfaces = [name for _, name in socket.if_nameindex() if name != "lo"]
secret = [name for name in os.environ if "SEED" in name or "PROTECTED" in name]
raise RuntimeError("seen: %s, interfaces: %s, secrets: %s" % (seen, interfaces, secret))
`;
    invalid(await at.scoreOf(look), /seen: \[\], interfaces: \[\], secrets: \[\]/);
  });
});

it('the environments’ copies of confined.py are alike', () => {
  const [one, other] = [practice, kernel].map((dir) => readFileSync(join(dir, 'assets/confined.py'), 'utf8'));
  expect(one).toBe(other);
});

import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createFamilySandbox, type Isolation, isolationNamed, openWorkspace } from '@plumbline/sandbox';
import { BASE_IMAGE, TestEngine } from '@plumbline/sandbox/isolation/docker/engine.fixture';
import { loadFamily, runTaskOperation } from '@plumbline/taskstandard';
import { type Latency, latencyOf, latencyRatio } from './summary.ts';

const FAMILY = join(import.meta.dirname, '../../environments/practice');
const ROUNDS = 10;
const TIMEOUT_MS = 60_000;
/** What is aimed at, beyond the family's own `start()`. */
const TARGET_MS = { bubblewrap: 1_000, docker: 3_000 } as const;

interface Round {
  readyMs: number;
  startMs: number;
}

/**
 * From an environment whose image is made to a sandbox in which the participant's first command has run: what the family is
 * asked, its sandbox, `start()`, the files. Beside it the same machine's bare `bwrap` and `docker run`, in turn.
 */
export async function benchProvision(): Promise<Record<string, unknown>> {
  const dir = mkdtempSync(join(tmpdir(), 'plumbline-bench-'));
  chmodSync(dir, 0o755);
  const engine = await TestEngine.start();
  try {
    const docker = { baseImage: BASE_IMAGE, socketPath: engine.socketPath };
    const run = ['--host', `unix://${engine.socketPath}`, 'run', '--rm', '--network', 'none', BASE_IMAGE, 'true'];
    const bubblewrap = await measure(isolationNamed('bubblewrap', null), dir, () =>
      bare('bwrap', ['--unshare-all', '--ro-bind', '/', '/', 'true']),
    );
    const containers = await measure(isolationNamed('docker', docker), dir, () => bare('docker', run));
    const faults = [];
    if ((await engine.docker('ps', '--all', '--quiet')).trim() !== '') faults.push('a container was left');
    return { bench: 'provision', rounds: ROUNDS, targetMs: TARGET_MS, bubblewrap, docker: containers, faults };
  } finally {
    await engine.stop();
    rmSync(dir, { recursive: true, force: true });
  }
}

async function measure(isolation: Isolation, dir: string, bareMs: () => number) {
  // The image is made once per host and content, by whoever comes first.
  const imageMs = (await provision(isolation, dir)).readyMs;
  const rounds: Round[] = [];
  const bareTimes: number[] = [];
  for (let n = 0; n < ROUNDS; n++) {
    rounds.push(await provision(isolation, dir));
    bareTimes.push(bareMs());
  }
  const [ready, bareStart]: [Latency, Latency] = [latencyOf(rounds.map((round) => round.readyMs - round.startMs)), latencyOf(bareTimes)];
  return {
    withImageMs: Math.round(imageMs),
    ready,
    familyStart: latencyOf(rounds.map((round) => round.startMs)),
    bare: bareStart,
    ratio: latencyRatio(ready, bareStart),
  };
}

/** One sandbox, made ready, used once and destroyed; how long until then, and what of it was the family's own `start()`. */
async function provision(isolation: Isolation, dir: string): Promise<Round> {
  const family = loadFamily(FAMILY);
  const task = family.tasks['main'];
  if (task === undefined) throw new Error('the practice family has no task named main');
  const from = performance.now();
  const host = await createFamilySandbox(family, task, {
    isolation,
    imageDir: join(dir, `images-${isolation.name}`),
    assetsDir: join(dir, 'assets'),
    secrets: {},
  });
  try {
    const files = await openWorkspace(host.sandbox);
    const started = await runTaskOperation(
      host.exec,
      'start',
      { familyDir: host.root, module: family.module, task: 'main' },
      { timeoutMs: TIMEOUT_MS },
    );
    if (!started.ok) throw new Error(started.failure.message);
    await files.list('.');
    const done = await host.sandbox.run('participant', ['/bin/cat', 'solution/textstats.py'], {
      timeoutMs: TIMEOUT_MS,
      maxOutputBytes: 100_000,
    });
    if (done.exitCode !== 0) throw new Error(done.stderr.toString());
    const readyMs = performance.now() - from;
    await files.close();
    return { readyMs, startMs: started.durationMs };
  } finally {
    await host.destroy();
  }
}

function bare(program: string, args: string[]): number {
  const from = performance.now();
  const done = spawnSync(program, args, { stdio: 'ignore' });
  if (done.status !== 0) throw new Error(`${program} ended with ${done.status}`);
  return performance.now() - from;
}

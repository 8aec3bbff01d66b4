import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SlurmHostSettings } from '@plumbline/protocol';
import { isAbsent, notRoot } from '@plumbline/testing/absence';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { waitUntil } from '../../host/waiting.ts';
import { placementChecks } from '../contract.ts';
import { CONTRACT_RUNNER, PlacementTrial, type PlacementWorld, processesNaming } from '../contractTrial.ts';
import type { RunnerHandle, RunnerRequest } from '../placement.ts';
import { GPUS_PER_NODE, missingForCluster, SlurmCluster } from './cluster.fixture.ts';
import { slurmPlacement } from './slurm.ts';
import { SlurmCommands } from './slurmCommands.ts';

const INSPECTED = { isolation: 'none', docker: null, gatewayUrl: 'ws://127.0.0.1:9' } as const;
const SLURM = fileURLToPath(new URL('./slurm.ts', import.meta.url));

let cluster: SlurmCluster;
let dir: string;

/** Slurm looks for jobs at their time limit every 30 s. */
const GONE_WITHIN_MS = 90_000;

/** Root and the cluster's own user see everything. */
const AS_NOBODY = 'exec setpriv --reuid=65534 --regid=65534 --clear-groups "$REAL" "$@"';

describe.skipIf(isAbsent('the placement slurm', missingForCluster()))('slurm', () => {
  beforeAll(async () => {
    cluster = await SlurmCluster.start();
    dir = await mkdtemp(join(tmpdir(), 'plumbline-placement-'));
  }, 180_000);
  afterAll(async () => {
    await cluster?.stop();
    if (dir === undefined) return;
    expect(await waitUntil(async () => (await processesNaming([dir])).length === 0, 20_000)).toBe(true);
    await rm(dir, { recursive: true, force: true });
  });

  const settingsOf = (change: Partial<SlurmHostSettings> = {}) =>
    SlurmHostSettings.parse({ sharedDir: join(dir, 'shared'), slurmConf: cluster.confPath, ...change });

  function worldOf(settings: SlurmHostSettings): PlacementWorld {
    const options = { settings, runner: { entry: CONTRACT_RUNNER } };
    return {
      open: async () => ({ placement: slurmPlacement(options), close: async () => undefined }),
      source: `import { slurmPlacement } from ${JSON.stringify(SLURM)}; const placement = slurmPlacement(${JSON.stringify(options)});`,
      dir,
      writtenDirs: [dir, cluster.dir],
      stateDir: (attemptId) => join(settings.nodeDir ?? settings.sharedDir, 'runners', attemptId),
      stranger: async (handle) => {
        const jobId = await cluster.occupy(0);
        await cluster.untilState(jobId, 'RUNNING');
        return {
          handle: { ...handle, jobId },
          lives: async () => (await cluster.state(jobId)) === 'RUNNING',
          end: async () => void (await cluster.slurm('scancel', jobId)),
        };
      },
    };
  }

  describe('keeps the contract of placements', () => {
    for (const check of placementChecks) it(check.name, { timeout: 90_000 }, () => PlacementTrial.run(worldOf(settingsOf()), check));
  });

  /** What a test does with the cluster, with all that it started cancelled afterwards. */
  function onCluster(name: string, change: () => Partial<SlurmHostSettings>, run: (trial: PlacementTrial) => Promise<void>): void {
    it(name, { timeout: 180_000 }, async () => {
      try {
        await PlacementTrial.run(worldOf(settingsOf(change())), { name, run });
      } finally {
        await cluster.cancelAll();
      }
    });
  }

  const withGpus = (request: RunnerRequest, gpuCount: number): RunnerRequest => ({
    ...request,
    resources: { ...request.resources, gpuCount, gpuModel: 'h100', cpus: 3, memoryBytes: 2 * 1024 ** 3, maxDurationMs: 90 * 60_000 },
  });
  const start = (trial: PlacementTrial, request: RunnerRequest, avoidNodes: readonly string[]) =>
    trial.placement.start({ ...request, resources: { ...request.resources, avoidNodes } });
  const jobOf = (handle: RunnerHandle) => String(handle['jobId']);
  const gone = async (trial: PlacementTrial, handle: RunnerHandle) => {
    let cause = '';
    const ended = async () => {
      const status = await trial.placement.status(handle);
      cause = status.state === 'gone' ? status.cause : '';
      return status.state === 'gone';
    };
    expect(await waitUntil(ended, GONE_WITHIN_MS)).toBe(true);
    return cause;
  };

  onCluster(
    'the person who waits reads for what, and how many jobs are ahead; it starts when its turn has come',
    () => ({ gpuTypes: { h100: 'h100' } }),
    async (trial) => {
      const first = [await cluster.occupy(4), await cluster.occupy(4)];
      for (const id of first) await cluster.untilState(id, 'RUNNING');
      const second = [await cluster.occupy(4, '--job-name=of two\nlines'), await cluster.occupy(3)];
      // Neither competes, and both are among this user's jobs and those of the partition.
      for (const odd of [[':', '--ntasks=1'], ['--array=1-3']]) second.push(await cluster.occupy(1, '--hold', ...odd));
      const request = withGpus(await trial.request('listens'), 4);
      const handle = trial.keep(await trial.placement.start(request));
      expect(await trial.placement.status(handle)).toEqual({
        state: 'queued',
        reason: 'Waiting for 4 × H100: 2 jobs ahead',
        ahead: 2,
      });
      expect(await trial.listed()).toEqual([request.attemptId]);
      await cluster.slurm('scancel', ...first, ...second);
      const report = await trial.report(request);
      // One question to the controller serves a second's askers.
      expect(await waitUntil(async () => (await trial.state(handle)) === 'running', 60_000)).toBe(true);
      expect(report.arguments.at(-2)).toBe('--gpus');
      expect(report.arguments.at(-1)?.split(',')).toHaveLength(4);
      const asked = await cluster.slurm('squeue', '--noheader', `--jobs=${jobOf(handle)}`, '--format=%l %C %m %b %h');
      // The participant's and the scorer's memory, and a gibibyte of the runner's own.
      expect(asked).toMatch(/^1:30:00 3 5G gres:gpu:h100:4 OK$/);
    },
  );

  onCluster(
    'a runner that waits, for a node of its own where its task is timed, is taken out of the queue by a stop',
    () => ({}),
    async (trial) => {
      for (const id of [await cluster.occupy(4), await cluster.occupy(4)]) await cluster.untilState(id, 'RUNNING');
      const request = withGpus(await trial.request('listens'), 2);
      const handle = await trial.placement.start({ ...request, resources: { ...request.resources, exclusive: true } });
      expect(await trial.state(handle)).toBe('queued');
      // Its scores are times, so Slurm keeps the whole node for it.
      expect(await cluster.slurm('squeue', '--noheader', `--jobs=${jobOf(handle)}`, '--format=%h')).toBe('NO');
      await trial.placement.stop(handle);
      expect(await trial.state(handle)).toBe('gone');
      expect(await trial.listed()).toEqual([]);
    },
  );

  onCluster(
    'a job that the cluster suspends is waited for, in words; one that is cancelled by somebody else, reaches its time limit, or has to make room, whether or not others would be run again, is gone with a cause in words',
    () => ({ partition: 'gpus' }),
    async (trial) => {
      const limited = await trial.start('listens');
      await cluster.hitTimeLimit(jobOf(limited.handle));
      const onNode = async () => {
        const request = withGpus(await trial.request('listens'), GPUS_PER_NODE);
        const handle = trial.keep(await trial.placement.start(request));
        await trial.report(request);
        return handle;
      };
      const [cancelled, preempted] = [await onNode(), await onNode()];
      await cluster.slurm('scontrol', 'suspend', jobOf(cancelled));
      await trial.reopen();
      expect(await trial.placement.status(cancelled)).toEqual({
        state: 'queued',
        reason: expect.stringMatching(/^Slurm has suspended it on gpu[12], and it goes on/),
        ahead: null,
      });
      await cluster.slurm('scontrol', 'resume', jobOf(cancelled));
      await trial.reopen();
      expect(await trial.state(cancelled)).toBe('running');
      await cluster.slurm('scancel', jobOf(cancelled));
      expect(await gone(trial, cancelled)).toMatch(/was cancelled in Slurm/);
      const urgent = () => cluster.occupy(GPUS_PER_NODE, '--partition=urgent');
      const other = await onNode();
      const placesTaken = [await urgent()];
      const states = async () => [await trial.state(preempted), await trial.state(other)].sort();
      expect(await waitUntil(async () => (await states()).join() === 'gone,running', 60_000), String(await states())).toBe(true);
      await cluster.slurm('scontrol', 'update', 'PartitionName=gpus', 'PreemptMode=REQUEUE');
      try {
        placesTaken.push(await urgent());
        for (const handle of [preempted, other]) expect(await gone(trial, handle)).toMatch(/had to make room/);
      } finally {
        await cluster.slurm('scontrol', 'update', 'PartitionName=gpus', 'PreemptMode=CANCEL');
      }
      await cluster.slurm('scancel', ...placesTaken);
      expect(await gone(trial, limited.handle)).toMatch(/reached its time limit/);
    },
  );

  onCluster(
    'a node’s own folder is lost with the job, which removes it at an orderly end, and the status says so',
    () => ({ nodeDir: join(dir, 'node') }),
    async (trial) => {
      const [stopped, killed] = [await trial.start('listens'), await trial.start('listens')];
      await trial.placement.stop(stopped.handle);
      process.kill(killed.report.pid, 'SIGKILL');
      for (const { handle, request } of [stopped, killed]) {
        await gone(trial, handle);
        expect(await trial.placement.status(handle)).toMatchObject({ state: 'gone', folderKept: false });
        await trial.placement.remove(request.attemptId);
      }
      expect(await readdir(join(dir, 'node/runners'))).toEqual([killed.request.attemptId]);
      expect(await readdir(join(dir, 'shared/jobs'))).not.toContain(stopped.request.attemptId);
    },
  );

  onCluster(
    'what the settings say is what the controller has of a job, its launch script ran before the runner, and a timed task has its node alone',
    () => ({
      partition: 'urgent',
      account: 'bench',
      qos: 'timed',
      constraint: 'nvlink',
      extraArgs: ['--comment=from the settings'],
      launchScript: join(dir, 'launch.sh'),
    }),
    async (trial) => {
      await writeFile(join(dir, 'launch.sh'), 'export LAUNCHED_ON=$SLURMD_NODENAME\n');
      const request = withGpus(await trial.request('listens'), 1);
      const handle = trial.keep(await trial.placement.start({ ...request, resources: { ...request.resources, exclusive: true } }));
      const { environment } = await trial.report(request);
      expect(environment.split('\0')).toContain('LAUNCHED_ON=gpu2');
      // A QOS is known to none but clusters with an accounting database; here Slurm takes and forgets it.
      const shown = await cluster.slurm('scontrol', 'show', 'job', '--oneliner', jobOf(handle));
      for (const fact of [
        'Partition=urgent',
        'Account=bench',
        'Features=nvlink',
        'NodeList=gpu2',
        'OverSubscribe=NO',
        'Comment=from the settings',
      ])
        expect(shown).toContain(` ${fact} `);
      // Three GPUs and thirteen CPUs of that node are free, and no other job gets them.
      const other = await cluster.occupy(1, '--partition=urgent', '--nodelist=gpu2');
      const waits = () => cluster.slurm('squeue', '--noheader', `--jobs=${other}`, '--format=%T %r');
      expect(await waitUntil(async () => (await waits()) === 'PENDING Resources', 60_000), await waits()).toBe(true);
      await trial.placement.stop(handle);
      await cluster.untilState(other, 'RUNNING');
    },
  );

  onCluster(
    'a node that ends a job before its runner is of use is named, by its prolog or by what it lacks, and the next job is kept off it',
    () => ({ launchScript: join(dir, 'broken.sh'), extraArgs: ['--exclude=gpu2'] }),
    async (trial) => {
      await cluster.untilIdle();
      await writeFile(join(dir, 'broken.sh'), '[ "$SLURMD_NODENAME" != gpu2 ]\n');
      await cluster.setProlog('[ "$SLURMD_NODENAME" != gpu1 ]');
      try {
        const request = await trial.request('listens');
        const first = await trial.placement.start(request);
        await gone(trial, first);
        expect(await trial.placement.status(first)).toMatchObject({ state: 'gone', failedNode: 'gpu1' });
        // What the settings keep out stays out as well.
        await expect(start(trial, request, ['gpu1'])).rejects.toMatchObject({
          message: expect.stringMatching(/configuration is not available/),
        });
        await PlacementTrial.run(worldOf(settingsOf({ launchScript: join(dir, 'broken.sh') })), {
          name: 'with both nodes',
          run: async (both) => {
            const second = await start(both, request, ['gpu1']);
            await gone(both, second);
            expect(await both.placement.status(second)).toMatchObject({ state: 'gone', failedNode: 'gpu2' });
          },
        });
      } finally {
        await cluster.mendNode('gpu1');
      }
      await writeFile(join(dir, 'broken.sh'), '');
      const request = await trial.request('listens');
      trial.keep(await trial.placement.start(request));
      const { arguments: words } = await trial.report(request);
      expect(words.slice(words.indexOf('--node')).slice(0, 2)).toEqual(['--node', 'gpu1']);
    },
  );

  onCluster(
    'what Slurm refuses is said in its own words',
    () => ({ partition: 'nowhere' }),
    async (trial) => {
      await expect(trial.placement.start(await trial.request('listens'))).rejects.toMatchObject({
        code: 'sandbox_unavailable',
        message: expect.stringMatching(/Slurm did not take the job: .*partition/i),
      });
    },
  );

  onCluster(
    'a job that Slurm took is the attempt’s also where its number was not heard, and none is left where none could be noted',
    () => ({}),
    async (trial) => {
      const submitted = async (sbatch: string) => {
        vi.stubEnv('PATH', await cluster.replace({ sbatch }));
        await trial.reopen();
        vi.unstubAllEnvs();
        return trial.request('listens');
      };
      const heardLate = await submitted('"$REAL" "$@" >/dev/null; kill -KILL $$');
      const handle = trial.keep(await trial.placement.start(heardLate));
      expect(handle).toEqual(await trial.placement.find(heardLate.attemptId));
      await trial.report(heardLate);
      expect(await trial.placement.start(heardLate)).toEqual(handle);

      const notTaken = await submitted('kill -KILL $$');
      await expect(trial.placement.start(notTaken)).rejects.toMatchObject({ code: 'sandbox_unavailable' });

      await trial.reopen();
      const notNoted = await trial.request('listens');
      await mkdir(join(dir, 'shared/jobs', notNoted.attemptId, 'job.json'), { recursive: true });
      const partition = (state: 'DOWN' | 'UP') => cluster.slurm('scontrol', 'update', 'PartitionName=gpus', `State=${state}`);
      // One that waits does not end by itself.
      await partition('DOWN');
      try {
        await expect(trial.placement.start(notNoted)).rejects.toMatchObject({ code: 'sandbox_unavailable' });
        expect(await trial.listed()).toEqual([heardLate.attemptId]);
      } finally {
        await partition('UP');
      }
      for (const { attemptId } of [notTaken, notNoted]) {
        expect((await readdir(join(dir, 'shared/jobs', attemptId))).join()).not.toMatch(/config/);
      }
    },
  );

  it('a cluster says what its nodes have, what keeps jobs away, and what of the settings it would refuse', async () => {
    const placement = slurmPlacement({ settings: settingsOf({ gpuTypes: { 'H100 SXM': 'h100' } }), runner: { entry: CONTRACT_RUNNER } });
    const inventory = await placement.inspect(INSPECTED);
    expect(inventory).toMatchObject({ cpus: 16, memoryBytes: 64_000 * 1024 ** 2, problems: [] });
    expect(inventory.gpus).toHaveLength(8);
    const node = { cpus: 16, memoryBytes: 64_000 * 1024 ** 2, gpus: [{ model: 'H100 SXM', count: 4 }] };
    expect(inventory.nodes).toEqual([
      { name: 'gpu1', ...node },
      { name: 'gpu2', ...node },
    ]);
    expect(inventory.gpus[0]).toMatchObject({ id: 'gpu1/h100/0', model: 'H100 SXM' });
    const nowhere = slurmPlacement({ settings: settingsOf({ partition: 'nowhere' }), runner: { entry: CONTRACT_RUNNER } });
    const empty = await nowhere.inspect(INSPECTED);
    expect(empty.problems).toContainEqual(expect.objectContaining({ blocking: true, problem: 'Slurm shows no node there.' }));
    const refused: [Partial<SlurmHostSettings>, RegExp][] = [
      [{ constraint: 'moon' }, /^Slurm would not take a job: Invalid feature/],
      [{ extraArgs: ['--reservation=bench'] }, /^Slurm would not take a job: Requested reservation is invalid/],
      [{ gpuTypes: { h100: 'h100', a100: 'nvidia_a100' } }, /^Slurm would not take a job for the GPU a100: Requested node configuration/],
    ];
    for (const [change, words] of refused) {
      const found = await slurmPlacement({ settings: settingsOf(change), runner: { entry: CONTRACT_RUNNER } }).inspect(INSPECTED);
      expect(found.problems).toEqual([expect.objectContaining({ blocking: true, problem: expect.stringMatching(words) })]);
    }
    expect(await cluster.slurm('squeue', '--noheader')).toBe('');
  });

  it.skipIf(isAbsent('a hidden partition', notRoot()))(
    'jobs and nodes are seen where their partition is hidden from this user',
    async () => {
      const jobId = await cluster.occupy(1);
      await cluster.untilState(jobId, 'RUNNING');
      const hide = async (hidden: 'YES' | 'NO') => {
        for (const name of ['gpus', 'urgent']) await cluster.slurm('scontrol', 'update', `PartitionName=${name}`, `Hidden=${hidden}`);
      };
      await hide('YES');
      try {
        const PATH = await cluster.replace({ squeue: AS_NOBODY, sinfo: AS_NOBODY });
        const slurm = new SlurmCommands({ ...cluster.environment, PATH });
        expect(await slurm.ownJobs()).toContainEqual(expect.objectContaining({ id: jobId, state: 'RUNNING' }));
        for (const partition of [null, 'gpus']) expect(await slurm.nodes(partition), String(partition)).toHaveLength(2);
      } finally {
        await hide('NO');
        await cluster.cancelAll();
      }
    },
  );

  onCluster(
    'a controller that is away is no sign of a runner’s death, and the runner goes on',
    () => ({}),
    async (trial) => {
      const { handle, report, request } = await trial.start('listens');
      await cluster.stopController();
      try {
        await expect(trial.placement.status(handle)).rejects.toMatchObject({ code: 'unavailable' });
      } finally {
        cluster.startController();
      }
      expect(
        await waitUntil(
          () =>
            trial.state(handle).then(
              (state) => state === 'running',
              () => false,
            ),
          60_000,
        ),
      ).toBe(true);
      expect((await trial.report(request)).pid).toBe(report.pid);
    },
  );
});

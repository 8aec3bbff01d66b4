import { describe, expect, test } from 'vitest';
import { parseJobs, parseOwnJobs, type SlurmJob } from './slurmCommands.ts';
import { asideWords, endWords, failedNode, jobsAhead, queueWords } from './words.ts';

const JOB: SlurmJob = {
  id: '12',
  state: 'PENDING',
  reason: 'Priority',
  priority: 100,
  partitions: ['gpu'],
  nodes: '',
  ranS: null,
  gpuCount: 4,
  gpuType: 'h100',
  workDir: '/shared/a',
  name: 'plumbline-a',
};

describe('who waits in Slurm reads', () => {
  test.each<[string, Partial<SlurmJob>, number | null, string]>([
    ['for what, and how many are before', {}, 2, 'Waiting for 4 × H100: 2 jobs ahead'],
    ['of a single job in the singular', {}, 1, 'Waiting for 4 × H100: 1 job ahead'],
    ['that nobody is before', { reason: 'Resources' }, 0, 'Waiting for 4 × H100: next in the queue'],
    ['no place where none is known', { reason: 'None' }, null, 'Waiting for 4 × H100'],
    ['of a machine where no GPU is asked for', { gpuCount: 0, gpuType: null }, 0, 'Waiting for a machine: next in the queue'],
    ['of any GPU where the cluster has no types', { gpuCount: 1, gpuType: null }, 0, 'Waiting for 1 × GPU: next in the queue'],
    ['that its node is being started, and no place', { state: 'CONFIGURING' }, 3, 'Waiting for 4 × H100. The node is being started.'],
    [
      'what is in the way and who can help',
      { reason: 'InvalidAccount' },
      null,
      'Waiting for 4 × H100. The cluster does not know the account. The platform’s staff must correct the host’s settings.',
    ],
    [
      'the cause of a reason with details',
      { reason: 'ReqNodeNotAvail, UnavailableNodes:n[1-2]' },
      0,
      'Waiting for 4 × H100: next in the queue. Nodes that it could run on are down, drained or reserved.',
    ],
    [
      'the cause of a reason of a known kind',
      { reason: 'QOSGrpGRES' },
      0,
      'Waiting for 4 × H100: next in the queue. The platform’s share of the GPUs is in use; it goes on when another attempt ends.',
    ],
    ['a limit of its account', { reason: 'AssocGrpCPULimit' }, null, 'Waiting for 4 × H100. A limit of its account is reached.'],
    [
      'Slurm’s own word for what is not known, made harmless',
      { reason: 'Odd\u001b[2J' },
      null,
      'Waiting for 4 × H100. Slurm says: Odd?[2J.',
    ],
  ])('%s', (_words, change, ahead, words) => {
    expect(queueWords({ ...JOB, ...change }, ahead)).toBe(words);
  });
});

test('whose job the cluster has stopped for now reads so, and of one that runs or ended nothing', () => {
  const words = (state: string) => asideWords({ ...JOB, nodes: 'n1', state });
  expect(words('SUSPENDED')).toBe('Slurm has suspended it on n1, and it goes on when the cluster resumes it');
  expect(words('STOPPED')).toBe(words('SUSPENDED'));
  expect(['PENDING', 'RUNNING', 'COMPLETING', 'PREEMPTED'].map(words)).toEqual([null, null, null, null]);
});

describe('staff read of a job that ended', () => {
  test.each<[string, Partial<SlurmJob>, string]>([
    ['CANCELLED', { reason: 'None' }, 'Slurm’s job 12 on n1 was cancelled in Slurm.'],
    ['PREEMPTED', { reason: 'None' }, 'Slurm’s job 12 on n1 had to make room for another one.'],
    ['TIMEOUT', { reason: 'TimeLimit' }, 'Slurm’s job 12 on n1 reached its time limit (TimeLimit).'],
    ['NODE_FAIL', { reason: 'NODE_FAIL' }, 'Slurm’s job 12 on n1 was lost: its node failed.'],
    ['OUT_OF_MEMORY', { reason: 'OutOfMemory' }, 'Slurm’s job 12 on n1 was ended for want of memory (OutOfMemory).'],
    ['BOOT_FAIL', { reason: '', nodes: '' }, 'Slurm’s job 12 could not be started: its node did not boot.'],
    ['FAILED', { reason: 'NonZeroExitCode' }, 'Slurm’s job 12 on n1 failed (NonZeroExitCode).'],
  ])('%s in words', (state, change, words) => {
    expect(endWords({ ...JOB, nodes: 'n1', ...change, state })).toBe(words);
  });

  test.each(['PENDING', 'CONFIGURING', 'RUNNING', 'COMPLETING', 'SUSPENDED'])('nothing of one that is %s', (state) => {
    expect(endWords({ ...JOB, state })).toBeNull();
  });
});

test.each<[string, Partial<SlurmJob>, string | null, hasBegun?: boolean]>([
  ['one whose prolog ended it', { state: 'CANCELLED', ranS: 90 }, 'n1', false],
  ['none where it was cancelled while it waited', { state: 'CANCELLED', nodes: '' }, null, false],
  ['one that failed', { state: 'NODE_FAIL', ranS: 5_000 }, 'n1'],
  ['one on which it failed at once', { state: 'FAILED', ranS: 59 }, 'n1'],
  ['none for a failure after some work', { state: 'FAILED', ranS: 60 }, null],
  ['none for an end that somebody else made', { state: 'CANCELLED', ranS: 1 }, null],
  ['none for a want of memory', { state: 'OUT_OF_MEMORY', ranS: 1 }, null],
  ['none before it has one', { state: 'BOOT_FAIL', nodes: '' }, null],
])('a job blames its node: %s', (_words, change, node, hasBegun = true) => {
  expect(failedNode({ ...JOB, nodes: 'n1', ...change }, hasBegun)).toBe(node);
});

const lineOf = ({ id = '12', ran = '0:07', name = 'plumbline-a' }) => `${id}|FAILED|100|gpu|n1|${ran}|gres:gpu:1|None|/shared|${name}\n`;

test.each([
  ['INVALID', null],
  ['0:07', 7],
  ['1:02:03', 3_723],
  ['2-00:00:01', 172_801],
])('that a job ran for %s is read in seconds', (ran, seconds) => {
  expect(parseJobs(lineOf({ ran })).map(({ ranS }) => ranS)).toEqual([seconds]);
});

test.each([
  ['a part of a heterogeneous job', lineOf({ id: '4+0' }), ['4', '12']],
  ['a task of an array', lineOf({ id: '4_[1-3%2]' }), ['4', '12']],
  ['a name of several lines', lineOf({ id: '4', name: 'a\n7 of 9\n\nb' }), ['4', '12']],
  ['a greeting', 'Maintenance on Monday | see the wiki\n', ['12']],
])('a queue is read with %s in it', (_what, odd, ids) => {
  expect(parseOwnJobs(odd + lineOf({})).map(({ id }) => id)).toEqual(ids);
});

test('a queue with a line that may be of a job of ours and cannot be read is not read at all: the job would pass for one that ended', () => {
  const said = `4|RUNNING|high|gpu\n${lineOf({})}`;
  expect(() => parseOwnJobs(said)).toThrow(/could not be read/);
  // Others' jobs are counted and no more.
  expect(parseJobs(said).map(({ id }) => id)).toEqual(['12']);
});

test('ahead are jobs of the same partition with a higher priority, or that came earlier with the same, and that compete at all', () => {
  const other = (change: Partial<SlurmJob>): SlurmJob => ({ ...JOB, id: '99', ...change });
  const counted = (change: Partial<SlurmJob>) => jobsAhead(JOB, [JOB, other(change)]);
  expect(counted({ priority: 101 })).toBe(1);
  expect(counted({ id: '9' })).toBe(1);
  expect(counted({})).toBe(0);
  expect(counted({ priority: 101, partitions: ['cpu'] })).toBe(0);
  expect(counted({ priority: 101, partitions: ['cpu', 'gpu'] })).toBe(1);
  expect(['Dependency', 'BeginTime', 'JobHeldUser'].map((reason) => counted({ priority: 101, reason }))).toEqual([0, 0, 0]);
});

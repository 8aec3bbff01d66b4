import type { SlurmJob } from './slurmCommands.ts';

/** What Slurm's codes mean, for the person who waits and for whoever must do something about it. */

/** Waiting for its turn is said by the place in the queue alone. */
const IN_TURN = new Set(['Priority', 'Resources', 'None', '']);

const WAITS: Readonly<Record<string, string>> = {
  AccountNotAllowed: 'The partition does not take jobs of this account. The platform’s staff must correct the host’s settings.',
  BadConstraints: 'No node has what the host’s settings ask for. The platform’s staff must correct them.',
  BeginTime: 'It was told to begin later.',
  Cleaning: 'The nodes are still being cleaned up after an earlier job.',
  Dependency: 'It waits for another job to end.',
  FrontEndDown: 'The cluster is not reachable now. Its operators must bring it up.',
  InvalidAccount: 'The cluster does not know the account. The platform’s staff must correct the host’s settings.',
  InvalidQOS: 'The cluster does not know the quality of service. The platform’s staff must correct the host’s settings.',
  JobHeldAdmin: 'The cluster’s operators hold it back.',
  JobHeldUser: 'It is held back. The platform’s staff can release it with scontrol.',
  JobLaunchFailure: 'The node could not start it.',
  Licenses: 'All licences that it needs are in use.',
  MaxGRESPerAccount: 'The account’s GPUs are all in use.',
  NodeDown: 'A node that it needs is down.',
  PartitionDown: 'The partition is closed for now. The cluster’s operators must open it.',
  PartitionInactive: 'The partition takes no jobs. The cluster’s operators must open it.',
  PartitionNodeLimit: 'It asks for more nodes than the partition gives.',
  PartitionTimeLimit: 'It asks for more time than the partition gives. The platform’s staff must choose another partition.',
  QOSMaxGRESPerUser: 'The platform’s share of the GPUs is in use; it goes on when another attempt ends.',
  QOSMaxJobsPerUserLimit: 'The platform runs as many jobs as it may; it goes on when another attempt ends.',
  QOSMaxWallDurationPerJobLimit: 'It asks for more time than is allowed. The platform’s staff must choose another quality of service.',
  QOSNotAllowed: 'The partition does not take this quality of service. The platform’s staff must correct the host’s settings.',
  ReqNodeNotAvail: 'Nodes that it could run on are down, drained or reserved.',
  Reservation: 'It waits for its reservation.',
};

/** Groups of codes that Slurm keeps adding to. */
const WAITS_BY_PATTERN: readonly (readonly [RegExp, string])[] = [
  [/^QOS.*GRES/, 'The platform’s share of the GPUs is in use; it goes on when another attempt ends.'],
  [/^QOS/, 'A limit of its quality of service is reached.'],
  [/^Assoc.*(GRES|Gres)/, 'The account’s GPUs are all in use.'],
  [/^Assoc/, 'A limit of its account is reached.'],
  [/^Nodes_required|^Nodes required/, 'Nodes that it could run on are down, drained or reserved.'],
];

/** Slurm's own word, where it is none that we know, without anything that a page or a log could trip over. */
function plain(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '?').slice(0, 200);
}

function reasonWords(reason: string): string | null {
  const code = reason.split(/[,(: ]/, 1)[0] ?? '';
  if (IN_TURN.has(code)) return null;
  const known = WAITS[code] ?? WAITS_BY_PATTERN.find(([pattern]) => pattern.test(reason))?.[1];
  return known ?? `Slurm says: ${plain(reason)}.`;
}

/** `4 × H100`, or what to say of a job without GPUs. */
function wanted({ gpuCount, gpuType }: SlurmJob): string {
  if (gpuCount === 0) return 'a machine';
  return `${gpuCount} × ${gpuType === null ? 'GPU' : plain(gpuType).toUpperCase()}`;
}

/** For the person who waits: what for, how many are before them, and what is in the way. */
export function queueWords(job: SlurmJob, ahead: number | null): string {
  const place = ahead === null ? '' : ahead === 0 ? ': next in the queue' : `: ${ahead} ${ahead === 1 ? 'job' : 'jobs'} ahead`;
  const why = job.state === 'CONFIGURING' ? 'The node is being started.' : reasonWords(job.reason);
  return `Waiting for ${wanted(job)}${job.state === 'CONFIGURING' ? '' : place}${why === null ? '' : `. ${why}`}`;
}

/** States of a job that the cluster's scheduler or operators have stopped for now, with all its processes. */
const PUT_ASIDE = new Set(['SUSPENDED', 'STOPPED']);

/** For the person whose sandbox does not answer, and for staff: that the job was stopped for now; null for one that runs or ended. */
export function asideWords({ state, nodes }: SlurmJob): string | null {
  if (!PUT_ASIDE.has(state)) return null;
  return `Slurm has suspended it on ${plain(nodes)}, and it goes on when the cluster resumes it`;
}

/** Jobs that do not compete for a place now: they are held, or wait for something else. */
const NOT_COMPETING = /^(Dependency|BeginTime|JobHeld|JobArrayTaskLimit)/;

/** How many of the waiting jobs Slurm would start before this one: those of a higher priority, and of an equal one that came earlier. */
export function jobsAhead(job: SlurmJob, pending: readonly SlurmJob[]): number {
  return pending.filter(
    (other) =>
      other.id !== job.id &&
      !NOT_COMPETING.test(other.reason) &&
      other.partitions.some((partition) => job.partitions.includes(partition)) &&
      (other.priority > job.priority || (other.priority === job.priority && Number(other.id) < Number(job.id))),
  ).length;
}

const ENDS: Readonly<Record<string, string>> = {
  BOOT_FAIL: 'could not be started: its node did not boot',
  CANCELLED: 'was cancelled in Slurm',
  COMPLETED: 'ended by itself',
  DEADLINE: 'reached its deadline',
  FAILED: 'failed',
  NODE_FAIL: 'was lost: its node failed',
  OUT_OF_MEMORY: 'was ended for want of memory',
  PREEMPTED: 'had to make room for another one',
  REVOKED: 'was taken over by another cluster',
  TIMEOUT: 'reached its time limit',
};

/** Why a job runs no more, for staff; null for a job that has not ended. */
export function endWords(job: SlurmJob): string | null {
  const end = ENDS[job.state];
  if (end === undefined) return null;
  const where = job.nodes === '' ? '' : ` on ${plain(job.nodes)}`;
  const why = IN_TURN.has(job.reason) || job.reason === job.state ? '' : ` (${plain(job.reason)})`;
  return `Slurm’s job ${job.id}${where} ${end}${why}.`;
}

/** Ends that say something of the node; by others somebody else ended the job, or the job itself. */
const NODE_ENDS = new Set(['BOOT_FAIL', 'NODE_FAIL']);

/** A runner that fails so soon has not had the time for any work: its node lacks something, or a prolog kept it away. */
const AT_ONCE_S = 60;

/**
 * The node that failed, or that ended the job before its runner could be of use; null where the node is not to blame. A job that a
 * prolog ended passes for a cancelled one, but its script has not begun.
 */
export function failedNode({ state, ranS, nodes }: SlurmJob, hasBegun: boolean): string | null {
  const isToBlame = !hasBegun || NODE_ENDS.has(state) || (state === 'FAILED' && ranS !== null && ranS < AT_ONCE_S);
  return isToBlame && nodes !== '' ? nodes : null;
}

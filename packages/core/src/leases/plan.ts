import { type HostFilling, isGpuModel, type LeaseHost, lacks, nodesToAvoid, type ResourceNeed } from './resources.ts';

/**
 * Who gets what of the hosts now, and why the others wait: a pure function over hosts, live leases and the queue.
 *
 * Order. Attempts whose clock has started and that lost or gave back their machine come first. Among the others the place is the
 * time of the request, or of the participant's last release where that is later; who holds something now comes after everybody who
 * holds nothing. So nobody who was just served overtakes those who wait, and everybody's turn comes.
 *
 * Large requests. One that cannot be served reserves a host from the moment at which all that it needs there is free, going by the
 * fixed ends of the leases. A later one is put on that host only if its own lease ends before that moment, or leaves the reserver
 * its room. So the moment can come nearer, and never moves away, however many small requests arrive (EASY backfilling: Lifka, 1995).
 */

export interface HeldLease {
  hostId: string;
  gpuIds: readonly string[];
  need: ResourceNeed;
  /** When the platform takes it back at the latest: fixed when it was granted. */
  endsAtMs: number;
}

export interface QueuedRequest {
  leaseId: string;
  requestedAtMs: number;
  need: ResourceNeed;
  /** How long it may hold what it is granted: limit + pauses + margin. */
  durationMs: number;
  /** The attempt is under way and its clock stands still for want of a machine. */
  underWay: boolean;
  /** Leases that this participant holds now. */
  participantHolds: number;
  /** When this participant last gave one back; null for never. */
  participantReleasedAtMs: number | null;
  /** Hosts that did not pass this attempt's acceptance test. */
  avoidHostIds: readonly string[];
  /** Nodes of clusters that did not pass it, or on which its job failed before a sandbox was up. */
  avoidNodes: readonly { hostId: string; node: string }[];
  /** Where its workspace lies: taken before others where it fits, since elsewhere it goes on from its last snapshot. Null before it began. */
  preferHostId: string | null;
  /** Files that no copy has lie there, and nobody has said that they may be lost: it is placed nowhere else. */
  staysThere: boolean;
}

export interface LeaseGrant {
  leaseId: string;
  hostId: string;
  /** Empty where the host's own scheduler chooses. */
  gpuIds: string[];
}

export type WaitCause = 'queued' | 'drained' | 'refused' | 'none' | 'files_in_use' | 'files_away';

export interface Waiting {
  leaseId: string;
  /** How many requests stand before it that want the same hosts. */
  ahead: number;
  /**
   * `queued`: until something is free. `drained`: every host that could takes nobody at the moment. `refused`: each failed its acceptance test. `none`: no host has it.
   * `files_in_use`, `files_away`: others could serve it, but what only one host has would be lost; that one is in use, or takes nobody at the moment.
   */
  cause: WaitCause;
}

export interface LeasePlan {
  grants: LeaseGrant[];
  waiting: Waiting[];
}

/** The order in which requests are looked at. */
export function queueOrder(queue: readonly QueuedRequest[]): QueuedRequest[] {
  const place = (request: QueuedRequest): number => Math.max(request.requestedAtMs, request.participantReleasedAtMs ?? 0);
  return [...queue].sort(
    (a, b) =>
      Number(b.underWay) - Number(a.underWay) ||
      Math.min(a.participantHolds, 1) - Math.min(b.participantHolds, 1) ||
      place(a) - place(b) ||
      a.requestedAtMs - b.requestedAtMs ||
      (a.leaseId < b.leaseId ? -1 : 1),
  );
}

/** What a host has left beside some leases. */
class Room {
  readonly host: LeaseHost;
  readonly held: HeldLease[];

  constructor(host: LeaseHost, held: HeldLease[]) {
    this.host = host;
    this.held = held;
  }

  /** The GPUs to give; null where the need does not fit beside what is held. */
  fit(need: ResourceNeed): string[] | null {
    const { host, held } = this;
    if (lacks(host, need).length > 0) return null;
    if (host.filling === 'scheduler') return [];
    if (held.some((lease) => lease.need.exclusive) || (need.exclusive && held.length > 0)) return null;
    const taken = new Set(held.flatMap((lease) => lease.gpuIds));
    const free = (host.has?.gpus ?? []).filter((gpu) => !taken.has(gpu.id) && isGpuModel(gpu.model, need.gpuModel));
    if (free.length < need.gpuCount) return null;
    if (host.filling === 'counted' && host.has !== null) {
      if (need.cpus !== null && sum(held, (lease) => lease.need.cpus) + need.cpus > host.has.cpus) return null;
      if (need.memoryBytes !== null && sum(held, (lease) => lease.need.memoryBytes) + need.memoryBytes > host.has.memoryBytes) return null;
    }
    return free.slice(0, need.gpuCount).map((gpu) => gpu.id);
  }

  get freeGpus(): number {
    return (this.host.has?.gpus.length ?? 0) - sum(this.held, (lease) => lease.gpuIds.length);
  }
}

function sum(held: readonly HeldLease[], value: (lease: HeldLease) => number | null): number {
  return held.reduce((total, lease) => total + (value(lease) ?? 0), 0);
}

/** Whether all of these fit on the host at once, each with GPUs of its own. */
function fitTogether(host: LeaseHost, needs: readonly ResourceNeed[]): boolean {
  const room = new Room(host, []);
  // The choosiest first: who takes any GPU must not be counted on one that another needs.
  const byChoice = [...needs].sort((a, b) => Number(b.gpuModel !== null) - Number(a.gpuModel !== null));
  for (const need of byChoice) {
    const gpuIds = room.fit(need);
    if (gpuIds === null) return false;
    room.held.push({ hostId: host.id, gpuIds, need, endsAtMs: Number.POSITIVE_INFINITY });
  }
  return true;
}

interface Reservation {
  need: ResourceNeed;
  fromMs: number;
}

/** A scheduler of its own comes last: what stands free needs no second queue. */
const FILLING_ORDER: Record<HostFilling, number> = { counted: 0, shared: 0, scheduler: 1 };

export function planLeases(
  hosts: readonly LeaseHost[],
  held: readonly HeldLease[],
  queue: readonly QueuedRequest[],
  nowMs: number,
): LeasePlan {
  const rooms = hosts.map(
    (host) =>
      new Room(
        host,
        held.filter((lease) => lease.hostId === host.id),
      ),
  );
  const reserved = new Map<string, Reservation[]>(hosts.map((host) => [host.id, []]));
  const earlier: ReadonlySet<string>[] = [];
  const plan: LeasePlan = { grants: [], waiting: [] };

  for (const request of queueOrder(queue)) {
    const { need, leaseId, durationMs } = request;
    const able = rooms.filter(({ host }) => lacks(host, need).length === 0);
    const willing = able.filter(({ host }) => host.accepting);
    const open = willing.filter(({ host }) => !request.avoidHostIds.includes(host.id) && leavesNode(host, request));
    // A host that is out of the inventory is waited for by nobody.
    const own = request.staysThere ? rooms.find(({ host }) => host.id === request.preferHostId) : undefined;
    const eligible = own === undefined ? open : open.filter((candidate) => candidate === own);
    const room = eligible
      .filter(
        (candidate) => candidate.fit(need) !== null && keeps(reserved.get(candidate.host.id) ?? [], candidate, need, nowMs + durationMs),
      )
      .sort(
        (a, b) =>
          Number(b.host.id === request.preferHostId) - Number(a.host.id === request.preferHostId) ||
          FILLING_ORDER[a.host.filling] - FILLING_ORDER[b.host.filling] ||
          // The fullest that still fits: the emptier ones are kept for those who need more, and GPUs for those who need any.
          a.freeGpus - b.freeGpus ||
          a.held.length - b.held.length ||
          (a.host.id < b.host.id ? -1 : 1),
      )[0];
    if (room !== undefined) {
      const gpuIds = room.fit(need) ?? [];
      room.held.push({ hostId: room.host.id, gpuIds, need, endsAtMs: nowMs + durationMs });
      plan.grants.push({ leaseId, hostId: room.host.id, gpuIds });
      continue;
    }
    const cause = causeOf({ able, willing, open, eligible });
    const wants = new Set(eligible.map(({ host }) => host.id));
    const ahead = earlier.filter((other) => [...other].some((hostId) => wants.has(hostId))).length;
    plan.waiting.push({ leaseId, ahead, cause });
    earlier.push(wants);
    reserve(eligible, need, reserved, nowMs);
  }
  return plan;
}

/** Why nothing is granted now, from the hosts that are left of all after each question. */
function causeOf({ able, willing, open, eligible }: Record<'able' | 'willing' | 'open' | 'eligible', readonly Room[]>): WaitCause {
  if (able.length === 0) return 'none';
  if (willing.length === 0) return 'drained';
  if (open.length === 0) return 'refused';
  if (eligible.length === open.length) return 'queued';
  return eligible.length === 0 ? 'files_away' : 'files_in_use';
}

/** Whether a cluster has a node left that this request has not failed on. One that is under way takes any rather than wait for staff. */
function leavesNode(host: LeaseHost, { need, underWay, avoidNodes }: QueuedRequest): boolean {
  const failed = avoidNodes.filter(({ hostId }) => hostId === host.id).map(({ node }) => node);
  return underWay || failed.length === 0 || nodesToAvoid(host, need, failed).length > 0;
}

/** Whether a lease until `untilMs` leaves every reservation of the host its room. */
function keeps(reservations: readonly Reservation[], { host, held }: Room, need: ResourceNeed, untilMs: number): boolean {
  return reservations.every(({ fromMs }, index) => {
    if (untilMs <= fromMs) return true;
    const then = held.filter((lease) => lease.endsAtMs > fromMs).map((lease) => lease.need);
    const before = reservations.slice(0, index + 1).map((reservation) => reservation.need);
    return fitTogether(host, [...then, ...before, need]);
  });
}

/** Sets aside the host that has room for the request soonest, beside what earlier ones reserved there. */
function reserve(open: readonly Room[], need: ResourceNeed, reserved: Map<string, Reservation[]>, nowMs: number): void {
  let soonest: { hostId: string; fromMs: number } | null = null;
  for (const { host, held } of open) {
    const before = (reserved.get(host.id) ?? []).map((reservation) => reservation.need);
    // A lease that outlived its end may be given back at any moment: it is staff's to decide, and promises nothing later.
    const times = [nowMs, ...held.map((lease) => Math.max(nowMs, lease.endsAtMs))].sort((a, b) => a - b);
    const fromMs = times.find((atMs) =>
      fitTogether(host, [...held.filter((lease) => lease.endsAtMs > atMs).map((lease) => lease.need), ...before, need]),
    );
    if (fromMs !== undefined && (soonest === null || fromMs < soonest.fromMs)) soonest = { hostId: host.id, fromMs };
  }
  if (soonest !== null) reserved.get(soonest.hostId)?.push({ need, fromMs: soonest.fromMs });
}

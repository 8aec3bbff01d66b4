import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type HeldLease, type LeasePlan, planLeases, type QueuedRequest, queueOrder } from './plan.ts';
import { type ClusterNode, isGpuModel, type LeaseHost, lacks, nodesToAvoid, type ResourceNeed, refusal } from './resources.ts';

const GB = 1024 ** 3;
const HOUR_MS = 3_600_000;

function host(id: string, gpus: number, fields: Partial<LeaseHost> & { model?: string } = {}): LeaseHost {
  const { model = 'NVIDIA H100 80GB HBM3', ...rest } = fields;
  const has = { gpus: Array.from({ length: gpus }, (_, n) => ({ id: `${id}-${n}`, model })), cpus: 64, memoryBytes: 512 * GB };
  return { id, filling: 'counted', accepting: true, rootScorer: false, has, nodes: null, ...rest };
}

function needs(gpuCount: number, fields: Partial<ResourceNeed> = {}): ResourceNeed {
  return { gpuCount, gpuModel: null, cpus: null, memoryBytes: null, exclusive: false, rootScorer: false, ...fields };
}

function request(leaseId: string, requestedAtMs: number, need: ResourceNeed, fields: Partial<QueuedRequest> = {}): QueuedRequest {
  return {
    leaseId,
    requestedAtMs,
    need,
    durationMs: 10 * HOUR_MS,
    underWay: false,
    participantHolds: 0,
    participantReleasedAtMs: null,
    avoidHostIds: [],
    avoidNodes: [],
    preferHostId: null,
    staysThere: false,
    ...fields,
  };
}

const lease = (hostId: string, gpuIds: string[], need: ResourceNeed, endsAtMs = 10 * HOUR_MS): HeldLease => ({
  hostId,
  gpuIds,
  need,
  endsAtMs,
});
const granted = (plan: LeasePlan) => plan.grants.map(({ leaseId }) => leaseId);

describe('what fits', () => {
  test('GPUs are given by model, whatever the case and the separators', () => {
    expect(isGpuModel('NVIDIA H100 80GB HBM3', 'h100')).toBe(true);
    expect(isGpuModel('NVIDIA A100-SXM4-80GB', 'A100 SXM4')).toBe(true);
    expect(isGpuModel('NVIDIA A100-SXM4-80GB', 'h100')).toBe(false);
    const plan = planLeases(
      [host('a', 2, { model: 'NVIDIA A100' }), host('b', 2)],
      [],
      [request('x', 1, needs(2, { gpuModel: 'h100' }))],
      0,
    );
    expect(plan.grants).toEqual([{ leaseId: 'x', hostId: 'b', gpuIds: ['b-0', 'b-1'] }]);
  });

  test('a request without GPUs keeps off a machine that has some, while another has room', () => {
    expect(planLeases([host('gpu', 8), host('plain', 0)], [], [request('x', 1, needs(0, { cpus: 4 }))], 0).grants[0]?.hostId).toBe('plain');
  });

  test('a timing-sensitive attempt gets a host that is empty, and nobody joins it there', () => {
    const hosts = [host('a', 8)];
    const exclusive = needs(1, { exclusive: true });
    expect(granted(planLeases(hosts, [lease('a', ['a-0'], needs(1))], [request('x', 1, exclusive)], 0))).toEqual([]);
    expect(granted(planLeases(hosts, [], [request('x', 1, exclusive), request('y', 2, needs(1))], 0))).toEqual(['x']);
  });

  test('on this machine processors and memory are shared, and GPUs are not', () => {
    const here = host('here', 1, { filling: 'shared' });
    const held = [lease('here', ['here-0'], needs(1, { cpus: 64, memoryBytes: 512 * GB }))];
    expect(granted(planLeases([here], held, [request('x', 1, needs(0, { cpus: 64, memoryBytes: 512 * GB }))], 0))).toEqual(['x']);
    expect(granted(planLeases([here], held, [request('x', 1, needs(1))], 0))).toEqual([]);
  });

  test('a cluster with a scheduler takes what it has at all, after the machines that stand free', () => {
    const cluster = host('cluster', 8, { filling: 'scheduler' });
    const queue = [request('x', 1, needs(8)), request('y', 2, needs(8)), request('z', 3, needs(8))];
    expect(planLeases([cluster, host('b', 8)], [], queue, 0).grants.map(({ hostId }) => hostId)).toEqual(['b', 'cluster', 'cluster']);
  });

  describe('a cluster', () => {
    const node = (name: string, fields: Partial<ClusterNode> = {}): ClusterNode => ({
      name,
      gpus: [{ model: 'h100', count: 4 }],
      cpus: 16,
      memoryBytes: 64 * GB,
      ...fields,
    });
    const cluster = (...nodes: ClusterNode[]) => ({ ...host('c', 4 * nodes.length, { filling: 'scheduler', nodes }), name: 'lab' });

    test('is refused where no single node has what a job asks for, twice the memory and 1 GB included', () => {
      const lab = cluster(node('n1'), node('n2'));
      expect(refusal([lab], needs(4, { cpus: 16, memoryBytes: 31 * GB }))).toBeNull();
      expect(refusal([lab], needs(8))).toContain('lab: no node of it has more than 4 of 8 × GPU');
      expect(refusal([lab], needs(0, { cpus: 17 }))).toContain('no node of it has more than 16 of 17 processors');
      expect(refusal([lab], needs(0, { memoryBytes: 32 * GB }))).toContain(
        'no node of it has more than 64 of the 65 GB of memory that a job asks for, twice the task’s and 1 GB',
      );
      const uneven = cluster(node('big', { gpus: [], memoryBytes: 512 * GB }), node('gpu'));
      expect(refusal([uneven], needs(4, { memoryBytes: 64 * GB }))).toContain('no single node of it has all of that');
    });

    test('serves an attempt again while a node is left that it has not failed on, and one that is under way in any case', () => {
      const lab = cluster(node('n1'), node('n2'), node('small', { gpus: [] }));
      const failed = (...nodes: string[]) => nodes.map((name) => ({ hostId: 'c', node: name }));
      const plan = (fields: Partial<QueuedRequest>) => planLeases([lab], [], [request('x', 1, needs(4), fields)], 0);
      expect(granted(plan({ avoidNodes: failed('n1') }))).toEqual(['x']);
      expect(plan({ avoidNodes: failed('n1', 'n2') }).waiting).toEqual([{ leaseId: 'x', ahead: 0, cause: 'refused' }]);
      expect(granted(plan({ avoidNodes: failed('n1', 'n2'), underWay: true }))).toEqual(['x']);
      expect(granted(plan({ avoidNodes: failed('n1', 'n2').map((one) => ({ ...one, hostId: 'other' })) }))).toEqual(['x']);
      expect(nodesToAvoid(lab, needs(4), ['n1'])).toEqual(['n1']);
      expect(nodesToAvoid(lab, needs(4), ['n1', 'n2'])).toEqual([]);
      expect(nodesToAvoid({ ...lab, nodes: null }, needs(4), ['n1', 'n2'])).toEqual(['n1', 'n2']);
    });
  });

  test('a drained host takes nobody new, and one that failed an attempt’s acceptance test is not tried again for it', () => {
    const drained = planLeases([host('a', 8, { accepting: false })], [], [request('x', 1, needs(1))], 0);
    expect(drained.waiting).toEqual([{ leaseId: 'x', ahead: 0, cause: 'drained' }]);
    const refused = planLeases([host('a', 8)], [], [request('x', 1, needs(1), { avoidHostIds: ['a'] })], 0);
    expect(refused.waiting).toEqual([{ leaseId: 'x', ahead: 0, cause: 'refused' }]);
  });

  test('an attempt comes back to where its workspace lies, and goes elsewhere rather than wait', () => {
    const back = request('x', 1, needs(1), { underWay: true, preferHostId: 'b' });
    expect(planLeases([host('a', 1), host('b', 8)], [], [back], 0).grants[0]?.hostId).toBe('b');
    const full = [lease('b', ['b-0'], needs(1))];
    expect(planLeases([host('a', 1), host('b', 1)], full, [back], 0).grants[0]?.hostId).toBe('a');
  });
});

describe('an attempt whose files lie on one host alone', () => {
  const back = request('back', 5, needs(1), { underWay: true, preferHostId: 'b', staysThere: true });
  const held = [lease('b', ['b-0'], needs(1), 4 * HOUR_MS)];

  test('waits for it while others are free, and is the next there', () => {
    const plan = planLeases([host('a', 1), host('b', 1)], held, [back], 0);
    expect(plan).toEqual({ grants: [], waiting: [{ leaseId: 'back', ahead: 0, cause: 'files_in_use' }] });
    const small = request('small', 1, needs(1));
    expect(planLeases([host('a', 0), host('b', 2)], [lease('b', ['b-0', 'b-1'], needs(2))], [back, small], 0).grants).toEqual([]);
    expect(planLeases([host('a', 1), host('b', 1)], [], [small, back], 0).grants).toEqual([
      { leaseId: 'back', hostId: 'b', gpuIds: ['b-0'] },
      { leaseId: 'small', hostId: 'a', gpuIds: ['a-0'] },
    ]);
  });

  test('keeps nobody from the others, and waits also while its own takes nobody', () => {
    const queue = [back, request('new', 6, needs(1))];
    expect(planLeases([host('a', 1), host('b', 1)], held, queue, 0).grants).toEqual([{ leaseId: 'new', hostId: 'a', gpuIds: ['a-0'] }]);
    const away = planLeases([host('a', 1), host('b', 1, { accepting: false })], [], [back], 0);
    expect(away.waiting).toEqual([{ leaseId: 'back', ahead: 0, cause: 'files_away' }]);
  });

  test('waits like any other where there is no other host, and goes elsewhere once its own is out of the inventory', () => {
    expect(planLeases([host('b', 1)], held, [back], 0).waiting).toEqual([{ leaseId: 'back', ahead: 0, cause: 'queued' }]);
    expect(planLeases([host('b', 1, { accepting: false })], [], [back], 0).waiting[0]?.cause).toBe('drained');
    expect(planLeases([host('a', 1)], [], [back], 0).grants[0]?.hostId).toBe('a');
  });
});

describe('a family that needs more than any host has', () => {
  const hosts = [
    { ...host('a', 4), name: 'gpu-1' },
    { ...host('b', 0), name: 'here' },
  ];

  test('is refused with what each host lacks', () => {
    expect(refusal(hosts, needs(8, { gpuModel: 'h100' }))).toBe(
      'It needs 8 × H100, and no host has that (gpu-1: it has 4 of 8 × H100; here: it has 0 of 8 × H100).',
    );
    expect(refusal(hosts, needs(0, { memoryBytes: 1024 * GB }))).toContain('512 of 1024 GB of memory');
  });

  test('is refused where its scorer has to be root and no host’s isolation gives it that, checked or not', () => {
    const rooted = needs(0, { rootScorer: true });
    const unchecked = { ...host('c', 0, { has: null }), name: 'lab' };
    expect(refusal([...hosts.slice(1), unchecked], rooted)).toBe(
      'It needs a scorer that is root, and no host has that (here: its isolation gives scorers no root, which docker does; lab: its isolation gives scorers no root, which docker does).',
    );
    expect(refusal([...hosts, { ...host('d', 0, { rootScorer: true }), name: 'docked' }], rooted)).toBeNull();
    expect(planLeases([host('a', 0), host('d', 0, { rootScorer: true })], [], [request('x', 1, rooted)], 0).grants[0]?.hostId).toBe('d');
  });

  test('is not refused where one host has it, in use or drained as it may be', () => {
    expect(refusal([{ ...host('a', 8, { accepting: false }), name: 'a' }], needs(8))).toBeNull();
  });
});

describe('the order', () => {
  test('is that of the requests', () => {
    const plan = planLeases(
      [host('a', 1)],
      [],
      [request('late', 2, needs(1)), request('early', 1, needs(1)), request('last', 3, needs(1))],
      5,
    );
    expect(granted(plan)).toEqual(['early']);
    expect(plan.waiting).toEqual([
      { leaseId: 'late', ahead: 0, cause: 'queued' },
      { leaseId: 'last', ahead: 1, cause: 'queued' },
    ]);
  });

  test('who holds a machine, or has just given one back, does not overtake those who wait', () => {
    const holder = request('holder', 1, needs(1), { participantHolds: 1 });
    const justDone = request('just-done', 1, needs(1), { participantReleasedAtMs: 50 });
    const waits = request('waits', 20, needs(1));
    expect(queueOrder([holder, justDone, waits]).map(({ leaseId }) => leaseId)).toEqual(['waits', 'just-done', 'holder']);
  });

  test('an attempt whose clock stands still for want of a machine comes before those that have not begun', () => {
    expect(queueOrder([request('new', 1, needs(1)), request('back', 9, needs(1), { underWay: true })])[0]?.leaseId).toBe('back');
  });
});

describe('a large request', () => {
  test('is not starved by small ones that fit beside those who are there', () => {
    const hosts = [host('a', 4)];
    const held = [lease('a', ['a-0', 'a-1'], needs(2), 4 * HOUR_MS)];
    const large = request('large', 1, needs(4));
    expect(granted(planLeases(hosts, held, [large, request('small', 2, needs(1))], 0))).toEqual([]);
    // One that is over before the large one's turn comes does no harm.
    expect(granted(planLeases(hosts, held, [large, request('short', 2, needs(1), { durationMs: 3 * HOUR_MS })], 0))).toEqual(['short']);
    // Nor does one that fits beside it.
    expect(granted(planLeases(hosts, held, [request('three', 1, needs(3)), request('small', 2, needs(1))], 0))).toEqual(['small']);
  });
});

const arbitraryNeed = fc.record({
  gpuCount: fc.integer({ min: 0, max: 4 }),
  gpuModel: fc.constantFrom(null, 'h100', 'a100'),
  cpus: fc.option(fc.integer({ min: 1, max: 64 })),
  memoryBytes: fc.option(fc.integer({ min: 1, max: 512 }).map((gb) => gb * GB)),
  exclusive: fc.boolean(),
  rootScorer: fc.constant(false),
});
const arbitraryHosts = fc
  .array(
    fc.record({ gpus: fc.integer({ min: 0, max: 4 }), model: fc.constantFrom('NVIDIA H100', 'NVIDIA A100'), accepting: fc.boolean() }),
    { minLength: 1, maxLength: 3 },
  )
  .map((list) => list.map(({ gpus, ...rest }, n) => host(`h${n}`, gpus, rest)));
const arbitraryQueue = fc
  .array(
    fc.record({
      need: arbitraryNeed,
      requestedAtMs: fc.integer({ min: 0, max: 100 }),
      underWay: fc.boolean(),
      participantHolds: fc.integer({ min: 0, max: 1 }),
      durationMs: fc.integer({ min: 1, max: 20 * HOUR_MS }),
    }),
    { maxLength: 12 },
  )
  .map((list) => list.map(({ need, requestedAtMs, ...rest }, n) => request(`r${n}`, requestedAtMs, need, rest)));

describe('whatever hosts and queue', () => {
  /** Grants in rounds: what one round gave is held in the next, together with what `before` holds. */
  const check = (hosts: LeaseHost[], held: HeldLease[]) => {
    for (const { id, has } of hosts) {
      const on = held.filter((one) => one.hostId === id);
      const gpuIds = on.flatMap((one) => one.gpuIds);
      expect(new Set(gpuIds).size).toBe(gpuIds.length);
      expect(on.reduce((sum, { need }) => sum + (need.cpus ?? 0), 0)).toBeLessThanOrEqual(has?.cpus ?? 0);
      expect(on.reduce((sum, { need }) => sum + (need.memoryBytes ?? 0), 0)).toBeLessThanOrEqual(has?.memoryBytes ?? 0);
      if (on.some(({ need }) => need.exclusive)) expect(on).toHaveLength(1);
      for (const { need, gpuIds: ids } of on) {
        expect(ids).toHaveLength(need.gpuCount);
        for (const gpuId of ids) {
          const gpu = has?.gpus.find((one) => one.id === gpuId);
          expect(gpu !== undefined && isGpuModel(gpu.model, need.gpuModel)).toBe(true);
        }
      }
    }
  };

  test('nothing is given twice, nobody joins a timing-sensitive attempt, and everybody has one answer', () => {
    fc.assert(
      fc.property(arbitraryHosts, arbitraryQueue, arbitraryQueue, (hosts, first, second) => {
        const before = planLeases(hosts, [], first, 0);
        const held = before.grants.map(({ leaseId, hostId, gpuIds }) => {
          const one = first.find((candidate) => candidate.leaseId === leaseId) as QueuedRequest;
          return lease(hostId, gpuIds, one.need, one.durationMs);
        });
        const plan = planLeases(hosts, held, second, 1);
        const all = plan.grants.map(({ leaseId, hostId, gpuIds }) =>
          lease(hostId, gpuIds, (second.find((candidate) => candidate.leaseId === leaseId) as QueuedRequest).need),
        );
        check(hosts, [...held, ...all]);
        expect([...granted(plan), ...plan.waiting.map(({ leaseId }) => leaseId)].sort()).toEqual(
          second.map(({ leaseId }) => leaseId).sort(),
        );
        for (const { hostId } of plan.grants) expect(hosts.find(({ id }) => id === hostId)?.accepting).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  test('nobody is passed by a request that wants as much or more for as long or longer', () => {
    fc.assert(
      fc.property(arbitraryHosts, arbitraryQueue, (hosts, queue) => {
        const plan = planLeases(hosts, [], queue, 0);
        const got = new Set(granted(plan));
        const order = queueOrder(queue);
        const atLeast = (a: QueuedRequest, b: QueuedRequest) =>
          a.need.gpuCount >= b.need.gpuCount &&
          (b.need.gpuModel === null || a.need.gpuModel === b.need.gpuModel) &&
          (a.need.cpus ?? 0) >= (b.need.cpus ?? 0) &&
          (a.need.memoryBytes ?? 0) >= (b.need.memoryBytes ?? 0) &&
          (a.need.exclusive || !b.need.exclusive) &&
          a.durationMs >= b.durationMs;
        order.forEach((passed, index) => {
          if (got.has(passed.leaseId)) return;
          for (const later of order.slice(index + 1)) if (got.has(later.leaseId)) expect(atLeast(later, passed)).toBe(false);
        });
      }),
      { numRuns: 300 },
    );
  });

  test('every request that a host could serve is served, while small ones never stop coming', () => {
    const scenario = fc.record({
      gpus: fc.integer({ min: 1, max: 6 }),
      large: arbitraryNeed,
      arrivals: fc.array(fc.record({ gpuCount: fc.integer({ min: 0, max: 2 }), hours: fc.integer({ min: 1, max: 6 }) }), {
        minLength: 6,
        maxLength: 6,
      }),
    });
    fc.assert(
      fc.property(scenario, ({ gpus, large, arrivals }) => {
        const hosts = [host('a', gpus), host('b', 2)];
        fc.pre(hosts.some((one) => lacks(one, large).length === 0));
        let held: (HeldLease & { leaseId: string })[] = [];
        let queue: QueuedRequest[] = [];
        for (let hour = 0; hour < 60; hour++) {
          const nowMs = hour * HOUR_MS;
          held = held.filter((one) => one.endsAtMs > nowMs);
          arrivals.forEach(({ gpuCount, hours }, n) => {
            queue.push(request(`s${hour}-${n}`, nowMs, needs(gpuCount, { cpus: 20 }), { durationMs: hours * HOUR_MS }));
          });
          if (hour === 10) queue.push(request('large', nowMs, large));
          for (const { leaseId, hostId, gpuIds } of planLeases(hosts, held, queue, nowMs).grants) {
            const one = queue.find((candidate) => candidate.leaseId === leaseId) as QueuedRequest;
            held.push({ leaseId, ...lease(hostId, gpuIds, one.need, nowMs + one.durationMs) });
            queue = queue.filter((candidate) => candidate !== one);
          }
          check(hosts, held);
          if (hour >= 10 && held.some(({ leaseId }) => leaseId === 'large')) return;
          // Those before it in the queue are served first; their number is what bounds the wait.
          queue = queue.filter(({ leaseId, requestedAtMs }) => leaseId === 'large' || requestedAtMs > nowMs - 3 * HOUR_MS);
        }
        throw new Error('The large request was never served.');
      }),
      { numRuns: 60 },
    );
  });
});

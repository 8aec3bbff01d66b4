import type { ResourceNeed } from '@plumbline/core';
import { listRefusalsThatHold } from '@plumbline/database/acceptances';
import type { Prisma } from '@plumbline/database/client';
import { listHosts, removeHost, setHostDrained } from '@plumbline/database/hosts';
import { HostName } from '@plumbline/protocol';
import { z } from 'zod';
import { authorised, router } from '../procedure.ts';
import { environmentSettings, isOwnOf, participantLabel } from '../views/attemptView.ts';

const LEASE_INCLUDE = {
  attempt: {
    include: {
      acceptances: { orderBy: { at: 'desc' }, take: 1 },
      assignment: { include: { environment: true, participant: { include: { user: { select: { id: true, name: true, email: true } } } } } },
    },
  },
} as const satisfies Prisma.LeaseInclude;
type LeaseRow = Prisma.LeaseGetPayload<{ include: typeof LEASE_INCLUDE }>;

function needOf(lease: LeaseRow): ResourceNeed {
  const { gpuCount, gpuModel, cpus, memoryBytes, exclusive, rootScorer } = lease;
  return { gpuCount, gpuModel, cpus, memoryBytes: memoryBytes === null ? null : Number(memoryBytes), exclusive, rootScorer };
}

function leaseView(lease: LeaseRow, reader: { role: string; userId: string }, nowMs: number) {
  const { attempt } = lease;
  return {
    leaseId: lease.id,
    attemptId: attempt.id,
    title: environmentSettings(attempt.assignment.environment).title,
    participant: participantLabel(attempt.assignment.participant, reader),
    attemptState: attempt.state,
    /** `releasing`: given back, and not yet proven to be free. */
    state: lease.state as 'queued' | 'held' | 'releasing',
    need: needOf(lease),
    gpuIds: z.array(z.string()).parse(lease.gpuIds),
    requestedAt: lease.requestedAt,
    waitReason: lease.waitReason,
    grantedAt: lease.grantedAt,
    endsAt: lease.endsAt,
    isPastEnd: lease.endsAt !== null && lease.endsAt.getTime() < nowMs,
    /** When a listing of the host last showed its runner. */
    seenAt: lease.renewedAt,
    /** The newest test of a machine for this attempt; null before the first. */
    acceptance: attempt.acceptances[0] === undefined ? null : acceptanceView(attempt.acceptances[0], attempt.assignment, reader),
  };
}

const Report = z.array(z.object({ check: z.string(), expected: z.string(), found: z.string(), passed: z.boolean() }));

type AcceptanceRow = Prisma.AcceptanceGetPayload<object>;

/** Of one's own attempt without the report: what its starting solution scored there is a score, which may be hidden from its participant. */
function acceptanceView(
  { id, attemptId, at, passed, profile, node, report }: AcceptanceRow,
  { participant }: { participant: { userId: string | null } },
  reader: { userId: string },
) {
  return { acceptanceId: id, attemptId, at, passed, profile, node, report: isOwnOf(participant, reader) ? [] : Report.parse(report) };
}

/** Refusals are shown for so long, and so many of a host: enough to see whether it is the machine. */
const REFUSALS_FOR_MS = 7 * 24 * 3_600_000;
const REFUSALS_MAX = 10;

const Name = z.object({ name: HostName });

/** The machines that sandboxes run on, what is leased of them, and who waits. */
export const hostRouter = router({
  overview: authorised('host.read').query(async ({ ctx }) => {
    const nowMs = ctx.clock.nowMs();
    const [hosts, leases, refusals, keepsAway] = await Promise.all([
      listHosts(ctx.db),
      ctx.db.prisma.lease.findMany({
        where: { state: { in: ['queued', 'held', 'releasing'] } },
        include: LEASE_INCLUDE,
        orderBy: [{ waitAhead: 'asc' }, { requestedAt: 'asc' }],
      }),
      ctx.db.prisma.acceptance.findMany({
        where: { passed: false, at: { gt: new Date(nowMs - REFUSALS_FOR_MS) } },
        include: { attempt: { select: { assignment: { select: { participant: { select: { userId: true } } } } } } },
        orderBy: { at: 'desc' },
      }),
      listRefusalsThatHold(ctx.db),
    ]);
    const views = leases.map((lease) => ({ hostId: lease.hostId, view: leaseView(lease, ctx.actor, nowMs) }));
    return {
      hosts: hosts.map(({ id, name, reach, isolation, inventory, checkedAt, drainedAt, silentSince }) => ({
        hostId: id,
        name,
        placement: reach.placement,
        isolation,
        inventory,
        checkedAt,
        drainedAt,
        silentSince,
        refusals: refusals
          .filter(({ hostId }) => hostId === id)
          .slice(0, REFUSALS_MAX)
          .map((row) => ({ ...acceptanceView(row, row.attempt.assignment, ctx.actor), keepsAway: keepsAway.has(row.id) })),
        leases: views.filter(({ hostId, view }) => hostId === id && view.state !== 'queued').map(({ view }) => view),
      })),
      queue: views.filter(({ view }) => view.state === 'queued').map(({ view }) => view),
    };
  }),

  /** A drained host takes no new attempts; what runs there goes on. */
  setDrained: authorised('host.write')
    .input(Name.extend({ drained: z.boolean() }))
    .mutation(async ({ ctx, input }) => {
      await setHostDrained(ctx.db, input.name, input.drained, { by: ctx.actor.userId });
    }),

  remove: authorised('host.write')
    .input(Name)
    .mutation(async ({ ctx, input }) => {
      await removeHost(ctx.db, input.name, { by: ctx.actor.userId });
    }),
});

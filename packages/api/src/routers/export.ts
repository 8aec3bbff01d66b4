import { AppError, assertCan, can } from '@plumbline/core';
import { agreementStandings, releaseRefusal } from '@plumbline/database/agreements';
import { createExport, listExports } from '@plumbline/database/exports';
import { z } from 'zod';
import { authorised, router } from '../procedure.ts';
import { loadAttemptSubjects } from '../views/attemptSubject.ts';

const ATTEMPTS_MAX = 500;
const EXPORTS_SHOWN = 100;

/** Data sets made from finished attempts. The worker builds them; this asks for one and tells how far it is. */
export const exportRouter = router({
  create: authorised('export.create')
    .input(z.object({ attemptIds: z.array(z.uuid()).min(1, 'Choose at least one attempt.').max(ATTEMPTS_MAX) }))
    .mutation(async ({ ctx, input }) => {
      const ids = [...new Set(input.attemptIds)];
      const attempts = await ctx.db.prisma.attempt.findMany({
        where: { id: { in: ids } },
        select: { id: true, state: true, assignment: { select: { participant: { select: { userId: true } } } } },
      });
      if (attempts.length < ids.length)
        throw new AppError('not_found', 'One of the chosen attempts does not exist. Reload the page and choose again.');
      for (const attempt of attempts) {
        assertCan(ctx.actor, 'attempt.export', { ownerUserId: attempt.assignment.participant.userId, state: attempt.state });
        if (attempt.state !== 'completed')
          throw new AppError('conflict', 'Only completed attempts can be exported. Take the others out and try again.');
      }
      const exportId = await createExport(ctx.db, { requestedBy: ctx.actor.userId, attemptIds: ids });
      return { exportId };
    }),

  list: authorised('export.list').query(async ({ ctx }) => {
    const exports = (await listExports(ctx.db)).slice(0, EXPORTS_SHOWN);
    const userIds = exports.flatMap((row) => (row.requestedBy ? [row.requestedBy] : []));
    const users = await ctx.db.prisma.user.findMany({ where: { id: { in: userIds } }, select: { id: true, name: true } });
    const names = new Map(users.map((user) => [user.id, user.name]));
    const exported = [...new Set(exports.flatMap(({ attemptIds }) => attemptIds))];
    const subjects = await loadAttemptSubjects(ctx.db, exported);
    const standings = await agreementStandings(ctx.db.pool, exported);
    const hasWithdrawnSince = (attemptId: string, finishedAt: Date | null) => {
      const standing = standings.get(attemptId);
      const answeredAt = standing?.answers?.at;
      return finishedAt !== null && answeredAt !== undefined && answeredAt > finishedAt && releaseRefusal(standing) !== null;
    };
    const isReadable = (attemptId: string) => {
      const subject = subjects.get(attemptId);
      return subject === undefined || can(ctx.actor, 'attempt.readExported', subject);
    };
    return exports.map((row) => ({
      exportId: row.id,
      requestedBy: row.requestedBy ? (names.get(row.requestedBy) ?? null) : null,
      attempts: row.attemptIds.length - row.leftOut,
      /** Asked for and not in it, for want of consent; known once it is built. */
      leftOut: row.leftOut,
      /** In it, and since it was built without consent to be. */
      withdrawnSince: row.attemptIds.filter((attemptId) => hasWithdrawnSince(attemptId, row.finishedAt)).length,
      /** Not of one that has an attempt of whoever asks. */
      mayDownload: row.attemptIds.every(isReadable),
      state: row.state,
      progress: row.progress,
      error: row.error,
      checksum: row.objectHash,
      bytes: row.bytes === null ? null : Number(row.bytes),
      createdAt: row.createdAt,
      finishedAt: row.finishedAt,
    }));
  }),
});

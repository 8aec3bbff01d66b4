import { findWorkspacePreferences, keepWorkspacePreferences } from '@plumbline/database/workspacePreferences';
import { WorkspacePreferences } from '@plumbline/protocol';
import { authorised, router } from '../procedure.ts';

/** The person who is signed in. */
export const selfRouter = router({
  get: authorised('self.read').query(async ({ ctx }) => {
    const user = await ctx.db.prisma.user.findUniqueOrThrow({
      where: { id: ctx.actor.userId },
      select: { id: true, name: true, email: true, role: true },
    });
    return user;
  }),
  /** What they chose for their workspace, as it was kept; null for nothing yet. */
  workspacePreferences: authorised('self.read').query(({ ctx }) => findWorkspacePreferences(ctx.db, ctx.actor.userId)),
  keepWorkspacePreferences: authorised('self.keepPreferences')
    .input(WorkspacePreferences)
    .mutation(({ ctx, input }) => keepWorkspacePreferences(ctx.db, ctx.actor.userId, input)),
});

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
});

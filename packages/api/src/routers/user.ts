import { AppError, ROLES } from '@plumbline/core';
import { createUser, disableUser, enableUser, listUsers, setUserRole } from '@plumbline/database/users';
import { z } from 'zod';
import { authorised, router } from '../procedure.ts';

export const PASSWORD_MIN_LENGTH = 10;
/** What an account needs. */
export const NewUser = z.object({
  email: z.email('Write an e-mail address, such as ana@example.org.').max(200),
  name: z.string().trim().min(1, 'Write a name.').max(120),
  role: z.enum(ROLES),
  password: z.string().min(PASSWORD_MIN_LENGTH, `Use at least ${PASSWORD_MIN_LENGTH} characters.`).max(200),
});

/** The people who may sign in. */
export const userRouter = router({
  list: authorised('user.list').query(({ ctx }) => listUsers(ctx.db)),

  create: authorised('user.write')
    .input(NewUser)
    .mutation(async ({ ctx, input }) => {
      const user = await createUser(ctx.db, input, { by: ctx.actor.userId });
      return { userId: user.id };
    }),

  /** Ends every session and socket of this person at once. */
  disable: authorised('user.write')
    .input(z.object({ userId: z.uuid() }))
    .mutation(async ({ ctx, input }) => {
      if (input.userId === ctx.actor.userId) throw new AppError('conflict', 'You cannot disable your own account. Ask another admin.');
      await disableUser(ctx.db, input.userId, { by: ctx.actor.userId });
    }),

  enable: authorised('user.write')
    .input(z.object({ userId: z.uuid() }))
    .mutation(async ({ ctx, input }) => {
      await enableUser(ctx.db, input.userId, { by: ctx.actor.userId });
    }),

  setRole: authorised('user.write')
    .input(z.object({ userId: z.uuid(), role: z.enum(ROLES) }))
    .mutation(async ({ ctx, input }) => {
      if (input.userId === ctx.actor.userId) throw new AppError('conflict', 'You cannot change your own role. Ask another admin.');
      await setUserRole(ctx.db, input.userId, input.role, { by: ctx.actor.userId });
    }),
});

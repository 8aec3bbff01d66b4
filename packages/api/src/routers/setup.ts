import { findDotfileNotices, findDotfileProblems } from '@plumbline/core';
import { loadPersonalSetup, savePersonalSetup } from '@plumbline/database/setups';
import { SetupGiven } from '@plumbline/protocol';
import { authorised, router } from '../procedure.ts';
import { findSecrets } from '../views/secretScan.ts';

/** One's own setup: dotfiles and keymap, for one's attempts whose clock has not started. */
export const setupRouter = router({
  get: authorised('setup.read').query(async ({ ctx }) => {
    const setup = await loadPersonalSetup(ctx.db, ctx.actor.userId);
    return { ...setup, notices: findDotfileNotices(setup.files) };
  }),

  /**
   * Keeps a setup in the place of the one before, whole or not at all: with `problems`, nothing was kept. `notices` are what staff
   * are told of it.
   */
  save: authorised('setup.write')
    .input(SetupGiven)
    .mutation(async ({ ctx, input }) => {
      const problems = findDotfileProblems(input.files);
      // What is refused as a whole, for its size above all, is not worth searching.
      const refused = new Set(problems.filter(({ line }) => line === null).map(({ path }) => path));
      const searched = refused.has('') ? [] : input.files.filter(({ path }) => !refused.has(path));
      problems.push(...(await findSecrets(searched)));
      if (problems.length === 0) await savePersonalSetup(ctx.db, ctx.actor.userId, input);
      return { saved: problems.length === 0, problems, notices: findDotfileNotices(searched) };
    }),
});

import { KEYMAPS } from '@plumbline/core';
import { z } from 'zod';

/** Further than any setup that is taken, so that what is too large is refused with its sizes and not by this. */
const GIVEN_TEXT_MAX = 4 * 1024 * 1024;
const GIVEN_FILES_MAX = 1_000;

/** What a participant brings along: dotfiles and the editor's keymap. */
export const SetupGiven = z.object({
  keymap: z.enum(KEYMAPS),
  files: z.array(z.object({ path: z.string().max(4096), text: z.string().max(GIVEN_TEXT_MAX) })).max(GIVEN_FILES_MAX),
});

/** The setup of an attempt, as its runner gets it. */
export const AttemptSetup = SetupGiven.extend({ hash: z.string().regex(/^[0-9a-f]{64}$/) });
export type AttemptSetup = z.infer<typeof AttemptSetup>;

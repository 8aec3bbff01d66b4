import { z } from 'zod';

/** Far above what a layout with every panel in a place of its own takes: about 3 kB. */
const LAYOUT_MAX_CHARS = 16_384;

/**
 * What a person chose for their workspace, the same for all of their attempts and browsers. The layout is the text of a
 * model that only browsers read; the number says which of its shapes it has.
 */
export const WorkspacePreferences = z.strictObject({
  version: z.literal(1),
  /** Files are saved by themselves a second after the last key. */
  autoSave: z.boolean(),
  /** A Python file is formatted when its person saves it; not by itself. */
  formatOnSave: z.boolean().default(false),
  /** What is selected in a terminal is copied at once. */
  copyOnSelection: z.boolean(),
  wordWrap: z.boolean(),
  /** The tour of the practice environment was seen, or left. */
  tourSeen: z.boolean(),
  /** Where the panels are, how large, and which are folded; null for the default. */
  layout: z.string().max(LAYOUT_MAX_CHARS).nullable(),
});
export type WorkspacePreferences = z.infer<typeof WorkspacePreferences>;

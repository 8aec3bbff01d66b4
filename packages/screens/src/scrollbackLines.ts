const SCROLLBACK_LINES_MAX = 10_000;
/** A cell costs twelve bytes, also where nothing is drawn on it. */
const SCROLLBACK_CELLS_MAX = 2_000_000;

/** How many lines above its screen a terminal keeps that is so many columns wide: fewer where it is wider than 200. */
export function scrollbackLines(cols: number): number {
  return Math.min(SCROLLBACK_LINES_MAX, Math.floor(SCROLLBACK_CELLS_MAX / cols));
}

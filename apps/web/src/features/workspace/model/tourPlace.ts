/** Lengths in CSS pixels, from the page's top left. */
export interface Box {
  left: number;
  top: number;
  width: number;
  height: number;
}

/** The tour's card: its height is the most that it needs. */
export const CARD: { width: number; height: number } = { width: 320, height: 200 };
/** Between it and what it stands beside, and to the page's edges. */
export const GAP = 8;

/**
 * Where the tour's card stands for a part of the page. For the tab of a panel it is beside its group, or above it: who reads of a panel
 * uses it, and keeps using it while the tour waits. Where no side has room, and for any other part, it is below the part, or on it
 * where that is as high as the page.
 */
export function cardPlace(part: Box, group: Box | null, page: { width: number; height: number }): { left: number; top: number } {
  const within = (at: number, most: number) => Math.max(GAP, Math.min(at, most - GAP));
  const below = part.top + part.height + GAP;
  if (group !== null) {
    const top = within(below, page.height - CARD.height);
    const after = group.left + group.width + GAP;
    const before = group.left - GAP - CARD.width;
    const above = group.top - GAP - CARD.height;
    if (after + CARD.width + GAP <= page.width) return { left: after, top };
    if (before >= GAP) return { left: before, top };
    if (above >= GAP) return { left: within(part.left, page.width - CARD.width), top: above };
  }
  return {
    left: within(part.left + part.width / 2 - CARD.width / 2, page.width - CARD.width),
    top: below + CARD.height <= page.height ? below : within(part.top + GAP * 6, page.height - CARD.height),
  };
}

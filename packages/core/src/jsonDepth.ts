/**
 * JSON from a sandbox or a page nests no deeper than this. `JSON.parse` takes any depth and `JSON.stringify` ends with the stack,
 * whose size differs between processes: what one has journalled, the next could not write.
 */
export const JSON_LEVELS_MAX = 64;

/** Whether arrays and objects stand in each other more than `levels` deep. Keeps a stack of its own, so that any depth is told. */
export function nestsDeeper(value: unknown, levels = JSON_LEVELS_MAX): boolean {
  let level: object[] = typeof value === 'object' && value !== null ? [value] : [];
  for (let depth = 1; level.length > 0; depth += 1) {
    if (depth > levels) return true;
    const below: object[] = [];
    for (const holder of level) {
      for (const item of Array.isArray(holder) ? holder : Object.values(holder)) {
        if (typeof item === 'object' && item !== null) below.push(item);
      }
    }
    level = below;
  }
  return false;
}

import { parentOf, ROOT } from './fileTree.ts';

/** Which rows of a tree are chosen: one by a click or the arrows, more with Ctrl, Cmd or Shift. */
export interface TreeSelection {
  /** Where the keyboard stands; null where it is nowhere. */
  at: string | null;
  chosen: ReadonlySet<string>;
  /** Where the stretch of rows begins that Shift chooses. */
  from: string | null;
}

/** This row alone is chosen, or none. */
export function only(path: string | null): TreeSelection {
  return { at: path, chosen: new Set(path === null ? [] : [path]), from: path };
}

/** These are chosen, and the keyboard stands at the last one. */
export function all(paths: readonly string[]): TreeSelection {
  return { ...only(paths.at(-1) ?? null), chosen: new Set(paths) };
}

/** The row is chosen as well, or no more. */
export function toggled({ chosen }: TreeSelection, path: string): TreeSelection {
  const next = new Set(chosen);
  if (!next.delete(path)) next.add(path);
  return { at: path, chosen: next, from: path };
}

/** Every row is chosen from where the stretch began to this one, and no other. */
export function stretchedTo({ from }: TreeSelection, path: string, rows: readonly { path: string }[]): TreeSelection {
  const begin = rows.findIndex((row) => row.path === from);
  if (begin < 0) return only(path);
  const end = rows.findIndex((row) => row.path === path);
  const between = rows.slice(Math.min(begin, end), Math.max(begin, end) + 1);
  return { at: path, chosen: new Set(between.map((row) => row.path)), from };
}

/**
 * The rows that something is done with: all that are chosen and in sight, without what is below another of them; or the one at which the
 * keyboard stands, where that is none of these.
 */
export function actedOn<Row extends { path: string }>({ at, chosen }: TreeSelection, rows: readonly Row[]): Row[] {
  if (at === null || !chosen.has(at) || chosen.size === 1) {
    // Nothing is looked up for each row: of 100,000 that would hold the page.
    const row = rows.find(({ path }) => path === at);
    return row ? [row] : [];
  }
  return rows.filter(({ path }) => chosen.has(path) && !isBelow(path, chosen));
}

function isBelow(path: string, chosen: ReadonlySet<string>): boolean {
  for (let above = parentOf(path); above !== ROOT; above = parentOf(above)) if (chosen.has(above)) return true;
  return false;
}

import type { DirectoryEntry } from '@plumbline/protocol';

/** A comparison takes about a microsecond: so many at a time hold up neither a key nor a frame. */
const COMPARED_AT_A_TIME = 20_000;
/** Sorted in one go, with about ten comparisons for each. */
const SORTED_IN_ONE_GO = 1_000;
/** To look a name up takes about a quarter of a comparison. */
const LOOKED_UP = SORTED_IN_ONE_GO / 4;

/** How names are ordered. Made once: a comparison that looks its rules up each time takes seconds for 100,000 names. */
export const NAMES = new Intl.Collator(undefined, { numeric: true });

function byKindAndName(a: DirectoryEntry, b: DirectoryEntry): number {
  const folderFirst = Number(b.kind === 'directory') - Number(a.kind === 'directory');
  return folderFirst || NAMES.compare(a.name, b.name);
}

const keyOf = ({ kind, name }: DirectoryEntry) => (kind === 'directory' ? `/${name}` : name);

/**
 * A folder's entries as they are shown: folders first, then by name, with numbers by their value. What stood in the folder `before`
 * keeps its order, so that a large one to which little was added costs little. Rests every now and then, for what else is to be done.
 */
export async function inOrder(
  entries: readonly DirectoryEntry[],
  before: readonly DirectoryEntry[],
  rest: () => Promise<void>,
): Promise<DirectoryEntry[]> {
  let compared = 0;
  const count = async (comparisons: number) => {
    compared += comparisons;
    if (compared < COMPARED_AT_A_TIME) return;
    compared = 0;
    await rest();
  };
  const added = new Map<string, DirectoryEntry>();
  for (const [n, entry] of entries.entries()) {
    added.set(keyOf(entry), entry);
    if (n % SORTED_IN_ONE_GO === 0) await count(LOOKED_UP);
  }
  const known: DirectoryEntry[] = [];
  for (const [n, entry] of before.entries()) {
    const key = keyOf(entry);
    const now = added.get(key);
    if (now && added.delete(key)) known.push(now);
    if (n % SORTED_IN_ONE_GO === 0) await count(LOOKED_UP);
  }
  const merge = async (left: DirectoryEntry[], right: DirectoryEntry[]) => {
    const merged: DirectoryEntry[] = [];
    let [l, r] = [0, 0];
    for (;;) {
      const [a, b] = [left[l], right[r]];
      if (a === undefined || b === undefined) break;
      if (byKindAndName(a, b) <= 0) {
        merged.push(a);
        l += 1;
      } else {
        merged.push(b);
        r += 1;
      }
      if (merged.length % SORTED_IN_ONE_GO === 0) await count(SORTED_IN_ONE_GO);
    }
    return merged.concat(left.slice(l), right.slice(r));
  };
  const sort = async (unsorted: DirectoryEntry[]): Promise<DirectoryEntry[]> => {
    if (unsorted.length <= SORTED_IN_ONE_GO) {
      await count(unsorted.length * 10);
      return unsorted.sort(byKindAndName);
    }
    const half = unsorted.length >> 1;
    return merge(await sort(unsorted.slice(0, half)), await sort(unsorted.slice(half)));
  };
  return merge(known, await sort([...added.values()]));
}

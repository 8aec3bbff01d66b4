import type { IndexedEvents } from './recordingIndex.ts';

/** What a snapshot rests on: bundles of its own and of those that it builds on. */

type Snapshots = Pick<IndexedEvents, 'snapshots' | 'lostBlobs'>;
type Link = { readonly bundle: string; readonly base: string | null };

/** The bundle of each commit that can be had. One whose bundle was lost, or that builds on such a one, cannot. */
function linksOf({ snapshots, lostBlobs }: Snapshots): ReadonlyMap<string, Link> {
  const lost = new Set(lostBlobs);
  const links = new Map<string, Link>();
  for (const { commit, bundle, base } of snapshots.toSorted((a, b) => a.seq - b.seq)) {
    if (bundle !== null && !lost.has(bundle) && (base === null || links.has(base))) links.set(commit, { bundle, base });
  }
  return links;
}

/** Says of each snapshot whether it can be had. */
export function markWhole(index: Snapshots): void {
  const links = linksOf(index);
  for (const snapshot of index.snapshots) snapshot.whole = links.has(snapshot.commit);
}

/** The bundles that give a commit, oldest first; null where it cannot be had. */
export function bundlesOf(index: Snapshots, commit: string): string[] | null {
  const links = linksOf(index);
  const bundles: string[] = [];
  for (let at: string | null = commit; at !== null; ) {
    const link = links.get(at);
    if (link === undefined) return null;
    bundles.push(link.bundle);
    at = link.base;
  }
  return bundles.reverse();
}

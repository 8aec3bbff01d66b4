import type { KeyValueStore } from '@plumbline/ui/browserStorage';
import { fuzzyFind } from './fuzzyFind.ts';
import { parsedJson, textsOf } from './keptJson.ts';
import { isOfLibrary, type Place } from './openFile.ts';

/** What is offered where one opens a file by parts of its name. */

const REMEMBERED = 50;

/** What is typed, without the place that it ends with: `train.py:120` or `train.py:120:4`. */
export function typedPlace(typed: string): { words: string; place: Place | null } {
  const found = /^(.*?):(\d*)(?::(\d*))?$/.exec(typed.trim());
  if (!found) return { words: typed, place: null };
  const [, words = '', line = '', column = ''] = found;
  const number = (digits: string) => Math.max(1, Math.min(Number.MAX_SAFE_INTEGER, Number(digits)));
  return { words, place: line === '' ? null : { line: number(line), column: number(column), length: 0 } };
}

/** The files that one was in, the last one first: kept with the browser for an attempt. */
export class RecentFiles {
  private readonly key: string;
  private readonly storage: Pick<KeyValueStore, 'getItem' | 'setItem'>;

  constructor(attemptId: string, storage: Pick<KeyValueStore, 'getItem' | 'setItem'>) {
    this.key = `plumbline-recent-files-${attemptId}`;
    this.storage = storage;
  }

  get paths(): string[] {
    return textsOf(parsedJson(this.storage.getItem(this.key)));
  }

  add(path: string): void {
    if (isOfLibrary(path)) return;
    this.storage.setItem(this.key, JSON.stringify([path, ...this.paths.filter((one) => one !== path)].slice(0, REMEMBERED)));
  }
}

/**
 * The files that are offered, those that were opened lately before all others: so the first one is what one was in before. `paths` are
 * all of the workspace; null while they are not known.
 */
export function offered(
  words: string,
  { paths, recent, active, most }: { paths: readonly string[] | null; recent: readonly string[]; active: string | null; most: number },
): { recent: string[]; others: string[] } {
  const there = new Set(paths ?? recent);
  const known = [...recent.filter((path) => path !== active), ...recent.filter((path) => path === active)].filter((path) =>
    there.has(path),
  );
  const found = (among: readonly string[]) => (words === '' ? among.slice(0, most) : fuzzyFind(words, among, most));
  const lately = found(known);
  const taken = new Set(lately);
  return { recent: lately, others: found((paths ?? []).filter((path) => !taken.has(path))).slice(0, most - lately.length) };
}

import { randomUUID } from 'node:crypto';
import { AppError } from '@plumbline/core';
import { type DirectoryEntry, LISTED_AT_ONCE, type RequestResult } from '@plumbline/protocol';

/** Each may be of 100,000 entries. A page asks for the next part as soon as it has one, so that few are under way at a time. */
const KEPT_MAX = 4;

type Listed = RequestResult<'file.list'>;

/** Listings that are too large for one answer, until their last part was asked for. */
export class KeptListings {
  readonly #kept = new Map<string, { listed: Listed; from: number }>();

  /** The first part of a listing; all of it where it is small. */
  begin(listed: Listed): Listed {
    if (listed.entries.length <= LISTED_AT_ONCE) return listed;
    const id = randomUUID();
    this.#kept.set(id, { listed, from: 0 });
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > KEPT_MAX && oldest !== undefined) this.#kept.delete(oldest);
    return this.next(id);
  }

  /** The next part of a listing. Throws `conflict` where it is kept no longer: the folder is listed anew. */
  next(id: string): Listed {
    const kept = this.#kept.get(id);
    if (kept === undefined) throw new AppError('conflict', 'The folder took too long to be listed. List it again.');
    const { listed, from } = kept;
    kept.from += LISTED_AT_ONCE;
    const entries: DirectoryEntry[] = listed.entries.slice(from, kept.from);
    if (kept.from < listed.entries.length) return { ...listed, entries, rest: id };
    this.#kept.delete(id);
    return { ...listed, entries };
  }
}

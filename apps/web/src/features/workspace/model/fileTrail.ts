import { fieldsOf, textsOf } from './keptJson.ts';
import { pathAfterMove } from './openFile.ts';
import { type KeptPlaces, PlaceHistory, readPlaces } from './placeHistory.ts';

const CLOSED_KEPT_MAX = 50;

/** What the next page goes on with. */
export interface KeptTrail {
  places: KeptPlaces;
  closed: string[];
}

/** The trail that an earlier page kept; null where it kept none. */
export function readTrail(kept: unknown): KeptTrail | null {
  if (typeof kept !== 'object' || kept === null) return null;
  const { places, closed } = fieldsOf(kept);
  return { places: readPlaces(places), closed: textsOf(closed) };
}

/** Where somebody was in their files: the places on the way back and forth, and the files that they closed. */
export class FileTrail {
  readonly places = new PlaceHistory();
  /** The last one at the end. */
  private closed: string[] = [];

  get kept(): KeptTrail {
    return { places: this.places.kept, closed: this.closed };
  }

  /** Goes on where an earlier page was, before what happened here already. */
  resume({ places, closed }: KeptTrail): void {
    this.places.resume(places);
    const since = this.closed;
    this.closed = closed;
    for (const path of since) this.close(path);
  }

  close(path: string): void {
    this.closed = [...this.closed.filter((one) => one !== path), path].slice(-CLOSED_KEPT_MAX);
  }

  /** The file that was closed last and is not open again; it and those that are leave the list. */
  takeClosed(isOpen: (path: string) => boolean): string | undefined {
    const path = this.closed.findLast((one) => !isOpen(one));
    this.closed = this.closed.filter((one) => one !== path && !isOpen(one));
    return path;
  }

  /** A file, or a folder with files, has another path. */
  renamed(from: string, to: string): void {
    this.places.renamed(from, to);
    this.closed = this.closed.map((path) => pathAfterMove(path, from, to));
  }
}

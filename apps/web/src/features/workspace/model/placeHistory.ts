import { fieldsOf } from './keptJson.ts';
import { type Place, pathAfterMove } from './openFile.ts';

/** A place in a file, as the cursor stands there. */
export type FilePoint = Pick<Place, 'line' | 'column'> & { path: string };

export type Direction = 'back' | 'forward';

/** Whoever moves no further than this in a file is still at the same place. */
const NEAR_LINES = 10;
const KEPT_MAX = 50;

/** What the next page goes on with: the places behind, those ahead, and where the cursor was. */
export interface KeptPlaces {
  back: FilePoint[];
  forward: FilePoint[];
  here: FilePoint | null;
}

/** The places that an earlier page kept, without what is none. */
export function readPlaces(kept: unknown): KeptPlaces {
  const { back, forward, here } = fieldsOf(kept);
  return { back: pointsOf(back), forward: pointsOf(forward), here: pointsOf([here])[0] ?? null };
}

function pointsOf(kept: unknown): FilePoint[] {
  if (!Array.isArray(kept)) return [];
  return kept.flatMap((one) => {
    const { path, line, column } = fieldsOf(one);
    return typeof path === 'string' && isOrdinal(line) && isOrdinal(column) ? { path, line, column } : [];
  });
}

function isOrdinal(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 1;
}

function isNear(a: FilePoint, b: FilePoint): boolean {
  return a.path === b.path && Math.abs(a.line - b.line) <= NEAR_LINES;
}

/** The places in files where the cursor was, and the way back and forth between them. */
export class PlaceHistory {
  private back: FilePoint[] = [];
  private forward: FilePoint[] = [];
  private here: FilePoint | null = null;

  get kept(): KeptPlaces {
    const { back, forward, here } = this;
    return { back, forward, here };
  }

  /** Goes on where an earlier page was. Where somebody has been somewhere by now, they came from there. */
  resume({ back, forward, here }: KeptPlaces): void {
    const behind = this.back;
    if (this.here === null) Object.assign(this, { forward, here });
    else if (here !== null) behind.unshift(here);
    this.back = [...back, ...behind].slice(-KEPT_MAX);
  }

  /** Where in a file the cursor was last; null where it is in another. */
  standsIn(path: string): FilePoint | null {
    return this.here?.path === path ? this.here : null;
  }

  /** The cursor stands here. */
  stands(point: FilePoint): void {
    if (this.here && !isNear(this.here, point)) {
      this.back = [...this.back, this.here].slice(-KEPT_MAX);
      this.forward = [];
    }
    this.here = point;
  }

  /** A file is in front, whose text may still be on its way: the cursor does not stand in it yet. */
  shows(path: string): void {
    if (this.here?.path !== path) this.stands({ path, line: 1, column: 1 });
  }

  /** Where going there would lead; null where that is not known. */
  next(to: Direction): FilePoint | null {
    return (to === 'back' ? this.back : this.forward).at(-1) ?? null;
  }

  /** Goes to where the cursor was before, or to what that came from: it is said to be there from now on. Null where that is not known. */
  go(to: Direction): FilePoint | null {
    const [from, behind] = to === 'back' ? [this.back, this.forward] : [this.forward, this.back];
    const point = from.pop();
    if (!point) return null;
    if (this.here) behind.push(this.here);
    this.here = point;
    return point;
  }

  /** A file is not there any more: no way leads to it. */
  forget(path: string): void {
    this.back = this.without(this.back, path);
    this.forward = this.without(this.forward, path);
  }

  /** A file, or a folder with files, has another path. */
  renamed(from: string, to: string): void {
    const moved = (point: FilePoint) => ({ ...point, path: pathAfterMove(point.path, from, to) });
    this.back = this.back.map(moved);
    this.forward = this.forward.map(moved);
    this.here = this.here && moved(this.here);
  }

  /** Nor does a way lead twice to one place, where only that file lay in between. */
  private without(points: readonly FilePoint[], path: string): FilePoint[] {
    const kept: FilePoint[] = [];
    let after = this.here;
    for (const point of points.toReversed()) {
      if (point.path === path || (after && isNear(point, after))) continue;
      kept.unshift(point);
      after = point;
    }
    return kept;
  }
}

import { type Place, pathAfterMove } from './openFile.ts';

/** A place in a file, as the cursor stands there. */
export type FilePoint = Pick<Place, 'line' | 'column'> & { path: string };

/** Whoever moves no further than this in a file is still at the same place. */
const NEAR_LINES = 10;
const KEPT_MAX = 50;

function isNear(a: FilePoint, b: FilePoint): boolean {
  return a.path === b.path && Math.abs(a.line - b.line) <= NEAR_LINES;
}

/** The places in files where the cursor was, and the way back and forth between them. */
export class PlaceHistory {
  private back: FilePoint[] = [];
  private forward: FilePoint[] = [];
  private here: FilePoint | null = null;

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

  /** Where the cursor was before, which is where it is said to be from now on; null where that is not known. */
  goBack(): FilePoint | null {
    return this.go(this.back, this.forward);
  }

  /** What `goBack` came from. */
  goForward(): FilePoint | null {
    return this.go(this.forward, this.back);
  }

  /** A file, or a folder with files, has another path. */
  renamed(from: string, to: string): void {
    const moved = (point: FilePoint) => ({ ...point, path: pathAfterMove(point.path, from, to) });
    this.back = this.back.map(moved);
    this.forward = this.forward.map(moved);
    this.here = this.here && moved(this.here);
  }

  private go(from: FilePoint[], to: FilePoint[]): FilePoint | null {
    const point = from.pop();
    if (!point) return null;
    if (this.here) to.push(this.here);
    this.here = point;
    return point;
  }
}

import type { IBuffer, ILink } from '@xterm/xterm';
import { type FilePlace, filePlaces } from './filePlaces.ts';

/** A line that goes on for longer is a program's data. */
const ROWS_MAX = 20;

/** The places in files that a line of a terminal names, as links. `row` counts from 1, and may be any of the rows that the line is broken into. */
export function placeLinks(buffer: IBuffer, row: number, follow: (event: MouseEvent, place: FilePlace) => void): ILink[] {
  let first = row - 1;
  while (first > 0 && row - first < ROWS_MAX && buffer.getLine(first)?.isWrapped) first -= 1;
  let text = '';
  const cells: { x: number; y: number }[] = [];
  for (let y = first; y < first + ROWS_MAX; y += 1) {
    const line = buffer.getLine(y);
    if (!line || (y > first && !line.isWrapped)) break;
    for (let x = 0; x < line.length; x += 1) {
      const cell = line.getCell(x);
      // The second half of a wide character.
      if (!cell || cell.getWidth() === 0) continue;
      const shown = cell.getChars() || ' ';
      text += shown;
      for (let unit = 0; unit < shown.length; unit += 1) cells.push({ x: x + 1, y: y + 1 });
    }
  }
  return filePlaces(text).flatMap((place) => {
    const start = cells[place.start];
    const end = cells[place.end - 1];
    if (!start || !end) return [];
    return { range: { start, end }, text: text.slice(place.start, place.end), activate: (event) => follow(event, place) };
  });
}

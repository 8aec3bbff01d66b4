import type { Locator } from '@playwright/test';

interface Size {
  cols: number;
  rows: number;
}

/** Of a cell, for red, green and blue: the darkest and the lightest that stands in it. */
type CellColours = [low: number, high: number][];

/** What a terminal of this size has drawn, whatever draws it: the colours of each cell of a part from the top left. */
export async function drawnColours(terminal: Locator, size: Size, part: Size): Promise<CellColours[][]> {
  const png = await terminal.locator('.xterm-screen').screenshot();
  return terminal.page().evaluate(coloursOfCells, { base64: png.toString('base64'), size, part });
}

async function coloursOfCells({ base64, size, part }: { base64: string; size: Size; part: Size }): Promise<CellColours[][]> {
  const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  const image = await createImageBitmap(new Blob([bytes]));
  const canvas = new OffscreenCanvas(image.width, image.height).getContext('2d') as OffscreenCanvasRenderingContext2D;
  canvas.drawImage(image, 0, 0);
  const [width, height] = [image.width / size.cols, image.height / size.rows];
  const coloursOf = (x: number, y: number): CellColours => {
    // What stands at a cell's edge may be its neighbour's: text is not drawn at whole pixels.
    const edge = { x: 2, y: 1 };
    const [left, top] = [Math.floor(x * width) + edge.x, Math.floor(y * height) + edge.y];
    const [right, bottom] = [Math.ceil((x + 1) * width) - edge.x, Math.ceil((y + 1) * height) - edge.y];
    const { data } = canvas.getImageData(left, top, right - left, bottom - top);
    return [0, 1, 2].map((channel) => {
      const values = data.filter((_, at) => at % 4 === channel);
      return [Math.min(...values), Math.max(...values)];
    });
  };
  return Array.from({ length: part.rows }, (_, y) => Array.from({ length: part.cols }, (_, x) => coloursOf(x, y)));
}

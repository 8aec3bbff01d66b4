let canvas: CanvasRenderingContext2D | null = null;

/** The size of a terminal's cell in CSS pixels, as xterm.js computes it: without a terminal, and without laying out the page. */
export function cellSize(fontFamily: string, fontPx: number): { width: number; height: number } {
  canvas ??= document.createElement('canvas').getContext('2d');
  if (canvas === null) return { width: fontPx * 0.6, height: fontPx * 1.32 };
  canvas.font = `${fontPx}px ${fontFamily}`;
  const { width, fontBoundingBoxAscent, fontBoundingBoxDescent } = canvas.measureText('W');
  return { width, height: Math.ceil((fontBoundingBoxAscent + fontBoundingBoxDescent) * devicePixelRatio) / devicePixelRatio };
}

/** The letters of terminals. */

const OWN = "'JetBrains Mono Variable'";
export const TERMINAL_FONT_FAMILY = `${OWN}, 'JetBrains Mono', ui-monospace, Menlo, Consolas, monospace`;
/** Whoever is without it for so long reads in another font. */
const WAIT_MS = 2_000;

let loading: Promise<void> | null = null;

/**
 * Settles once the font is here, or will not be. A terminal that is opened before takes its cells' size from one font and its letters from
 * another: xterm.js then sets each word apart to fit them, in ten times as many elements, or keeps the other font's pictures.
 */
export function terminalFont(): Promise<void> {
  loading ??= Promise.race([
    // What it costs where it fails is said above; nothing is lost.
    document.fonts.load(`1em ${OWN}`).then(
      () => {},
      () => {},
    ),
    new Promise<void>((resolve) => setTimeout(resolve, WAIT_MS)),
  ]);
  return loading;
}

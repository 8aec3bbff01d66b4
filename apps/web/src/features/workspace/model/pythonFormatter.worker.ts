import load, { format } from '@wasm-fmt/ruff_fmt/web';
import type { FormatAnswer, FormatQuestion } from './pythonFormatter.ts';

/** Ruff's formatter on a thread of its own: pages may not run WebAssembly, and a long file must not hold the typing up. */

const loaded = load();

self.addEventListener('message', ({ data }: MessageEvent<FormatQuestion>) => {
  loaded.then(
    () => self.postMessage(answer(data)),
    () => self.postMessage({ refused: 'the formatter could not be loaded.', isLost: true } satisfies FormatAnswer),
  );
});

function answer({ text, tabSize, insertSpaces }: FormatQuestion): FormatAnswer {
  try {
    return { text: format(text, 'file.py', { indent_style: insertSpaces ? 'space' : 'tab', indent_width: tabSize }) };
  } catch (error) {
    return { refused: error instanceof Error ? error.message : String(error) };
  }
}

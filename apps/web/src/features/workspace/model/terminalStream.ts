/**
 * What of a terminal's output is still to be drawn: bytes come with the count of bytes before them, so that whatever
 * the restored screen already holds, or arrives twice, is dropped.
 */
export class OutputCursor {
  private next = 0;

  /** A screen was restored that includes this many bytes. */
  restoreAt(offset: number): void {
    this.next = offset;
  }

  get offset(): number {
    return this.next;
  }

  /** The part of a frame that is new; null when all of it is known; `gap` when bytes before it are missing. */
  take(offset: number, bytes: Uint8Array): Uint8Array | null | 'gap' {
    if (offset > this.next) return 'gap';
    const known = this.next - offset;
    if (known >= bytes.length) return null;
    this.next = offset + bytes.length;
    return known === 0 ? bytes : bytes.subarray(known);
  }
}

/** The parts of xterm's parser that hooks need; the headless terminal has the same. */
export interface ParserHost {
  readonly parser: {
    registerCsiHandler(id: { prefix?: string; intermediates?: string; final: string }, fn: () => boolean): { dispose(): void };
    registerDcsHandler(id: { prefix?: string; intermediates?: string; final: string }, fn: () => boolean): { dispose(): void };
    registerOscHandler(ident: number, fn: (data: string) => boolean): { dispose(): void };
  };
}

const CSI_QUERIES = [
  // Device attributes: primary, secondary, tertiary; terminal's version.
  { final: 'c' },
  { prefix: '>', final: 'c' },
  { prefix: '=', final: 'c' },
  { prefix: '>', final: 'q' },
  // Status and cursor position.
  { final: 'n' },
  { prefix: '?', final: 'n' },
  // Whether a mode is set; terminal parameters; keyboard protocol; window reports.
  { intermediates: '$', final: 'p' },
  { prefix: '?', intermediates: '$', final: 'p' },
  { final: 'x' },
  { prefix: '?', final: 'u' },
  { final: 't' },
];
const DCS_QUERIES = [
  { intermediates: '$', final: 'q' },
  { intermediates: '+', final: 'q' },
];
/** Palette, foreground, background, cursor and highlight colours. */
const COLOUR_OSC = [4, 5, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19];
const CLIPBOARD_OSC = 52;

/**
 * Keeps a terminal from answering the program's queries: the sandbox's own terminal has answered already, and an answer
 * from here would arrive as typing. Also keeps programs from reading or setting the clipboard.
 */
export function swallowQueries(terminal: ParserHost): () => void {
  const hooks = [
    ...CSI_QUERIES.map((id) => terminal.parser.registerCsiHandler(id, () => true)),
    ...DCS_QUERIES.map((id) => terminal.parser.registerDcsHandler(id, () => true)),
    ...COLOUR_OSC.map((ident) => terminal.parser.registerOscHandler(ident, (data) => data.includes('?'))),
    terminal.parser.registerOscHandler(CLIPBOARD_OSC, () => true),
  ];
  return () => {
    for (const hook of hooks) hook.dispose();
  };
}

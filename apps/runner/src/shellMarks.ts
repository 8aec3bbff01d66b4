/**
 * Reads the marks that `shellIntegration.bash` leaves in a terminal's output: a pass over its bytes, in whatever pieces
 * they come. Marks without the terminal's nonce are another program's and passed over.
 */

export type ShellMark =
  /** The command line as the shell's history has it; comes before `start`. */
  { kind: 'text'; text: string } | { kind: 'start' } | { kind: 'end'; exitCode: number } | { kind: 'directory'; path: string };

const ESC = 0x1b;
const BEL = 0x07;
const PREFIX = Buffer.from('\x1b]633;');
/** What the script's own limit allows at four bytes a character, escaped; a longer one is no mark. */
const MARK_MAX_BYTES = 64 * 1024;

export class ShellMarks {
  readonly #nonce: string;
  readonly #onMark: (mark: ShellMark) => void;
  /** How much of the prefix has been seen, or the mark's bytes after it. */
  #matched = 0;
  #mark: Buffer[] | null = null;
  #markBytes = 0;

  constructor(nonce: string, onMark: (mark: ShellMark) => void) {
    this.#nonce = nonce;
    this.#onMark = onMark;
  }

  push(bytes: Uint8Array): void {
    const chunk = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    let at = 0;
    while (at < chunk.length) at = this.#mark === null ? this.#seek(chunk, at) : this.#collect(chunk, at);
  }

  /** Looks for the prefix from `at` on; answers where to go on. */
  #seek(chunk: Buffer, at: number): number {
    if (this.#matched === 0) {
      const found = chunk.indexOf(ESC, at);
      if (found === -1) return chunk.length;
      this.#matched = 1;
      return found + 1;
    }
    const byte = chunk[at];
    if (byte === PREFIX[this.#matched]) this.#matched += 1;
    else this.#matched = byte === ESC ? 1 : 0;
    if (this.#matched === PREFIX.length) {
      this.#matched = 0;
      this.#mark = [];
      this.#markBytes = 0;
    }
    return at + 1;
  }

  #collect(chunk: Buffer, at: number): number {
    const bell = chunk.indexOf(BEL, at);
    const nextEscape = chunk.indexOf(ESC, at);
    const end = bell === -1 ? nextEscape : nextEscape === -1 ? bell : Math.min(bell, nextEscape);
    const piece = chunk.subarray(at, end === -1 ? chunk.length : end);
    this.#markBytes += piece.length;
    if (this.#markBytes > MARK_MAX_BYTES) {
      this.#mark = null;
      return at;
    }
    // The caller's memory may be used again; what waits for its end is a copy.
    this.#mark?.push(Buffer.from(piece));
    if (end === -1) return chunk.length;
    const text = Buffer.concat(this.#mark ?? []).toString('utf8');
    this.#mark = null;
    // An escape ends a sequence too, and may begin the next one.
    if (chunk[end] === BEL) this.#take(text);
    return chunk[end] === BEL ? end + 1 : end;
  }

  #take(text: string): void {
    const fields = text.split(';');
    if (fields.pop() !== this.#nonce) return;
    const [kind, value = ''] = fields;
    if (kind === 'E') this.#onMark({ kind: 'text', text: unescapeMark(value) });
    else if (kind === 'C') this.#onMark({ kind: 'start' });
    else if (kind === 'D' && /^\d{1,3}$/.test(value)) this.#onMark({ kind: 'end', exitCode: Number(value) });
    else if (kind === 'P' && value.startsWith('Cwd=')) this.#onMark({ kind: 'directory', path: unescapeMark(value.slice(4)) });
  }
}

function unescapeMark(text: string): string {
  return text.replace(/\\(\\|x([0-9a-f]{2}))/g, (_, all: string, code?: string) =>
    code === undefined ? all : String.fromCharCode(Number.parseInt(code, 16)),
  );
}

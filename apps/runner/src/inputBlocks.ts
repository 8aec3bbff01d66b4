import { PASTE_MAX_BYTES } from '@plumbline/protocol';

/**
 * Puts the chunks that a tab cut a block into together again, and drops what was taken before. A bracketed paste must
 * reach the program whole: half of one is worse than none.
 */

/** A paste with its brackets, and room for what the browser adds. */
const BLOCK_MAX_BYTES = PASTE_MAX_BYTES + 64 * 1024;

export interface InputChunk {
  readonly tab: string;
  readonly terminal: number;
  readonly n: number;
  readonly more: boolean;
  readonly bytes: Uint8Array;
}

export interface InputBlock {
  readonly tab: string;
  readonly terminal: number;
  /** Number of its last chunk: what the tab's mark becomes. */
  readonly n: number;
  /** True for what came in several chunks or in brackets. */
  readonly paste: boolean;
  readonly bytes: Uint8Array;
  /** The block was refused on its way, or is over the limit: its number counts, its bytes are not for the program. */
  readonly broken: boolean;
}

interface PartialBlock {
  readonly terminal: number;
  readonly chunks: Uint8Array[];
  bytes: number;
  broken: boolean;
}

const PASTE_START = [0x1b, 0x5b, 0x32, 0x30, 0x30, 0x7e];

export class InputBlocks {
  readonly #taken: Map<string, number>;
  /** The last number of each tab's last whole block, or below which nothing will come. */
  readonly #whole: Map<string, number>;
  readonly #partial = new Map<string, PartialBlock>();

  /** `marks`: the highest number taken from each tab in earlier lives of this runner. */
  constructor(marks: Readonly<Record<string, number>>) {
    this.#taken = new Map(Object.entries(marks));
    this.#whole = new Map(this.#taken);
  }

  /** The tab's input up to `n` is settled: the next that is taken is the one after it, unless more was taken already. */
  settle(tab: string, n: number): void {
    if (n <= (this.#taken.get(tab) ?? 0)) return;
    this.#whole.set(tab, n);
    this.#taken.set(tab, n);
    this.#partial.delete(tab);
  }

  /**
   * The block that this chunk completes; null for one that is not the last of its block, for a repeated one, and for one
   * that comes before its turn: something was lost on the way, and the tab sends again from there.
   */
  take(chunk: InputChunk): InputBlock | null {
    if (chunk.n !== (this.#taken.get(chunk.tab) ?? 0) + 1) return null;
    this.#taken.set(chunk.tab, chunk.n);
    const partial = this.#partial.get(chunk.tab);
    if (partial === undefined && !chunk.more) {
      this.#whole.set(chunk.tab, chunk.n);
      const paste = PASTE_START.every((byte, i) => chunk.bytes[i] === byte);
      return { tab: chunk.tab, terminal: chunk.terminal, n: chunk.n, paste, bytes: chunk.bytes, broken: false };
    }
    const block = partial ?? { terminal: chunk.terminal, chunks: [], bytes: 0, broken: false };
    if (partial === undefined) this.#partial.set(chunk.tab, block);
    // A chunk without bytes is one that the gateway refused, for instance at a pause.
    if (chunk.bytes.length === 0 || chunk.terminal !== block.terminal) block.broken = true;
    block.bytes += chunk.bytes.length;
    if (block.bytes > BLOCK_MAX_BYTES) block.broken = true;
    if (block.broken) block.chunks.length = 0;
    else block.chunks.push(chunk.bytes);
    if (chunk.more) return null;
    this.#partial.delete(chunk.tab);
    this.#whole.set(chunk.tab, chunk.n);
    const bytes = block.broken ? new Uint8Array(0) : Buffer.concat(block.chunks);
    return { tab: chunk.tab, terminal: chunk.terminal, n: chunk.n, paste: true, bytes, broken: block.broken };
  }

  /**
   * The link broke: blocks that are not whole will be sent again from their first chunk, because their tabs have been
   * told of no later one.
   */
  forgetPartial(): void {
    for (const tab of this.#partial.keys()) this.#taken.set(tab, this.#whole.get(tab) ?? 0);
    this.#partial.clear();
  }
}

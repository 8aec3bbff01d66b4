import { giveBack } from './giveBack.ts';
import type { Segment } from './segment.ts';

/**
 * Opened segments, the ones used last, up to a number of bytes; what is given up is emptied. A segment is decrypted and decompressed whole, and a seek, the
 * document beside it and the next seek often read the same one.
 */
export class SegmentCache {
  private readonly maxBytes: number;
  /** In order of use, the latest last. */
  private readonly kept = new Map<string, { segment: Promise<Segment>; bytes: number }>();
  private bytes = 0;

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes;
  }

  /** The segment of this name, opened by `open` where it is not here. It is read as soon as it is here, and not after. A failure is not kept. */
  take(name: string, open: () => Promise<Segment>): Promise<Segment> {
    const found = this.kept.get(name);
    if (found !== undefined) {
      this.kept.delete(name);
      this.kept.set(name, found);
      return found.segment;
    }
    const entry = { segment: open(), bytes: 0 };
    this.kept.set(name, entry);
    entry.segment.then(
      ({ lines }) => this.count(name, entry, lines),
      () => this.kept.get(name) === entry && this.kept.delete(name),
    );
    return entry.segment;
  }

  private count(name: string, entry: { bytes: number }, lines: readonly Buffer[]): void {
    if (this.kept.get(name) !== entry) return;
    // All lines are views of one buffer.
    entry.bytes = lines[0]?.buffer.byteLength ?? 0;
    this.bytes += entry.bytes;
    for (const [oldest, { bytes, segment }] of this.kept) {
      if (this.bytes <= this.maxBytes) break;
      this.kept.delete(oldest);
      this.bytes -= bytes;
      // Those who took it read it before anything else happens.
      void segment.then((given) => setImmediate(() => given.lines[0] && giveBack(given.lines[0])));
    }
  }
}

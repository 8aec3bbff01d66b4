/** Follows the children's log files from their present end and shows each new line under its process's name. */
import { closeSync, openSync, readSync, statSync } from 'node:fs';

const POLL_MS = 150;
const CHUNK_BYTES = 64 * 1024;
/** pino's number for a warning. Quieter lines stay in the file. */
const WARNING = 40;

interface Followed {
  name: string;
  file: string;
  offset: number;
  partial: string;
}

function sizeOf(file: string): number {
  try {
    return statSync(file).size;
  } catch {
    return 0;
  }
}

/** A line as the console shows it; null for one that is not worth a person's attention. */
export function shown(line: string, everything: boolean): string | null {
  if (!line.trim()) return null;
  if (!line.startsWith('{')) return line;
  try {
    const { level, msg, err, error } = JSON.parse(line);
    if (typeof level !== 'number') return line;
    if (level < WARNING && !everything) return null;
    const cause = err?.message ?? error;
    return cause ? `${msg}: ${cause}` : String(msg);
  } catch {
    return line;
  }
}

export class LogTail {
  readonly #followed: Followed[] = [];
  readonly #everything: boolean;
  readonly #timer: NodeJS.Timeout;

  constructor(everything: boolean) {
    this.#everything = everything;
    this.#timer = setInterval(() => this.poll(), POLL_MS);
    this.#timer.unref();
  }

  follow(name: string, file: string): void {
    this.#followed.push({ name, file, offset: sizeOf(file), partial: '' });
  }

  stop(): void {
    clearInterval(this.#timer);
    this.poll();
  }

  poll(): void {
    for (const followed of this.#followed) {
      const size = sizeOf(followed.file);
      if (size < followed.offset) followed.offset = 0;
      if (size > followed.offset) this.#read(followed);
    }
  }

  #read(followed: Followed): void {
    const handle = openSync(followed.file, 'r');
    const buffer = Buffer.alloc(CHUNK_BYTES);
    try {
      for (;;) {
        const bytes = readSync(handle, buffer, 0, CHUNK_BYTES, followed.offset);
        if (bytes === 0) return;
        followed.offset += bytes;
        const lines = (followed.partial + buffer.toString('utf8', 0, bytes)).split('\n');
        followed.partial = lines.pop() ?? '';
        for (const line of lines) {
          const text = shown(line, this.#everything);
          if (text !== null) console.log(`${followed.name.padEnd(8)}| ${text}`);
        }
      }
    } finally {
      closeSync(handle);
    }
  }
}

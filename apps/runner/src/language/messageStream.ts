/** Messages of the Language Server Protocol: a header with the length in bytes, an empty line, JSON. */

const SEPARATOR = '\r\n\r\n';
/** The one header that the server sends, and room for another. */
const HEADER_MAX_BYTES = 1024;
/** A server that says more at once is broken, or is not the server. */
export const MESSAGE_MAX_BYTES = 16 * 1024 * 1024;

export function encodeMessage(message: object): Buffer {
  const body = Buffer.from(JSON.stringify(message));
  return Buffer.concat([Buffer.from(`Content-Length: ${body.length}${SEPARATOR}`), body]);
}

/** Takes bytes as they come, cut anywhere, and gives whole messages. */
export class MessageReader {
  #chunks: Buffer[] = [];
  #held = 0;
  /** Bytes of the message whose header was read; null before a header. */
  #length: number | null = null;

  /** @throws Error where the bytes are no such messages, or one is too long. What follows cannot be understood either. */
  take(chunk: Buffer): unknown[] {
    this.#chunks.push(chunk);
    this.#held += chunk.length;
    const messages: unknown[] = [];
    while (this.#length === null ? this.#readHeader() : this.#held >= this.#length) {
      if (this.#length === null || this.#held < this.#length) continue;
      const bytes = this.#joined();
      messages.push(JSON.parse(bytes.toString('utf8', 0, this.#length)));
      this.#keep(bytes.subarray(this.#length));
      this.#length = null;
    }
    return messages;
  }

  #readHeader(): boolean {
    const bytes = this.#joined();
    const end = bytes.indexOf(SEPARATOR);
    if (end < 0 ? bytes.length > HEADER_MAX_BYTES : end > HEADER_MAX_BYTES) throw new Error('a header without an end');
    if (end < 0) return false;
    const length = /^content-length: *(\d{1,9})\r?$/im.exec(bytes.toString('latin1', 0, end))?.[1];
    if (length === undefined || Number(length) > MESSAGE_MAX_BYTES) throw new Error('a message of no, or of too great, length');
    this.#length = Number(length);
    this.#keep(bytes.subarray(end + SEPARATOR.length));
    return this.#held >= this.#length;
  }

  #joined(): Buffer {
    if (this.#chunks.length !== 1) this.#chunks = [Buffer.concat(this.#chunks)];
    return this.#chunks[0] as Buffer;
  }

  #keep(rest: Buffer): void {
    this.#chunks = [rest];
    this.#held = rest.length;
  }
}

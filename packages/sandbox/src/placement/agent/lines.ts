/** Splits what arrives into lines of at most `maxBytes`; `onTooLong` is called once when one is longer, and nothing after it. */
export function lineSplitter(maxBytes: number, onLine: (line: string) => void, onTooLong: () => void): (chunk: Buffer) => void {
  let parts: Buffer[] = [];
  let held = 0;
  let over = false;
  return (chunk) => {
    let rest = chunk;
    while (!over) {
      const end = rest.indexOf(0x0a);
      const part = end === -1 ? rest : rest.subarray(0, end);
      held += part.length;
      if (held > maxBytes) {
        over = true;
        parts = [];
        onTooLong();
        return;
      }
      parts.push(part);
      if (end === -1) return;
      const line = Buffer.concat(parts).toString();
      parts = [];
      held = 0;
      rest = rest.subarray(end + 1);
      onLine(line);
    }
  };
}

/**
 * Whether a line of Python ends within a comment. Of the line alone: a string that began in one before it is not known, and a sign of a
 * comment in its text counts as one.
 */
export function endsInComment(line: string): boolean {
  let quote: string | null = null;
  for (let at = 0; at < line.length; at += 1) {
    const sign = line[at] as string;
    if (quote === null) {
      if (sign === '#') return true;
      if (sign === '"' || sign === "'") quote = sign;
    } else if (sign === '\\') at += 1;
    else if (sign === quote) quote = null;
  }
  return false;
}

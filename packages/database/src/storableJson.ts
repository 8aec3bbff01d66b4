/**
 * A value as PostgreSQL's `jsonb` can hold it: NUL and half surrogate pairs, which it refuses, become U+FFFD; numbers that JSON
 * does not know become null. What scorers and people hand in is stored through this, so that no text of theirs stops a write.
 */
export function storableJson(value: unknown): string {
  return JSON.stringify(storable(value) ?? null);
}

/** The same for a text column. */
export function storableText(text: string): string {
  return Buffer.from(text, 'utf8').toString('utf8').replaceAll('\0', '\uFFFD');
}

function storable(value: unknown): unknown {
  if (typeof value === 'string') return storableText(value);
  if (Array.isArray(value)) return value.map(storable);
  if (value === null || typeof value !== 'object') return value;
  if ('toJSON' in value && typeof value.toJSON === 'function') return storable(value.toJSON());
  return Object.fromEntries(Object.entries(value).map(([key, entry]) => [storableText(key), storable(entry)]));
}

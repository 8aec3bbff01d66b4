/**
 * What a browser or an account kept as JSON. Another version of the pages may have written it, or somebody by hand: each reader takes
 * what is of its kind and leaves the rest out, so that nothing that was kept can keep the workspace from opening.
 */

/** The value of a text; null where there is none, or it is no JSON. */
export function parsedJson(text: string | null): unknown {
  try {
    return JSON.parse(text ?? 'null');
  } catch {
    return null;
  }
}

/** The fields of an object; none of anything else. */
export function fieldsOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {};
}

/** The texts of a list; none of anything else. */
export function textsOf(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((one) => typeof one === 'string') : [];
}

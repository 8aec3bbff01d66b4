import { z } from 'zod';

/**
 * An attempt as a file of JSON lines, so that a new installation can show one: a head, then an event a line as
 * `[offsetMs, type, stream, data]`. Times are relative to the start of the clock; bytes are `{ "$bytes": base64 }`.
 */
export const AttemptHead = z.strictObject({
  family: z.string(),
  task: z.string(),
  limitMs: z.int(),
  isolation: z.string().nullable(),
  freezeMethod: z.string().nullable(),
  completedOffsetMs: z.number(),
  clock: z.array(z.strictObject({ offsetMs: z.number(), body: z.record(z.string(), z.unknown()) })),
  scores: z.array(
    z.strictObject({
      n: z.int(),
      ofN: z.int().nullable(),
      trigger: z.string(),
      status: z.string(),
      score: z.number().nullable(),
      offsetMs: z.number(),
      elapsedMs: z.int(),
      durationMs: z.int().nullable(),
      message: z.unknown(),
      details: z.unknown(),
      output: z.string().nullable(),
      scorerHash: z.string().nullable(),
      submissionHash: z.string().nullable(),
      submissionHashAfter: z.string().nullable(),
    }),
  ),
  notes: z.array(z.strictObject({ n: z.int(), offsetMs: z.number(), elapsedMs: z.int(), text: z.string() })),
  /** Submissions and snapshots that events name, by the hash of their bytes. */
  blobs: z.array(z.strictObject({ hash: z.string(), base64: z.string() })),
});
export type AttemptHead = z.infer<typeof AttemptHead>;

export type EventLine = [offsetMs: number, type: string, stream: number, data: unknown];

/** `JSON.stringify`'s replacer for event data. Reads the holder, because a `Buffer` turns itself into an object before. */
export function bytesOut(this: Record<string, unknown>, key: string, value: unknown): unknown {
  const held = this[key];
  return held instanceof Uint8Array ? { $bytes: Buffer.from(held).toString('base64') } : value;
}

/** `JSON.parse`'s reviver, the reverse of `bytesOut`. */
export function bytesIn(_key: string, value: unknown): unknown {
  const encoded = (value as { $bytes?: unknown } | null)?.$bytes;
  return typeof encoded === 'string' ? Buffer.from(encoded, 'base64') : value;
}

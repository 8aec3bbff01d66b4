import type { Readable } from 'node:stream';
import { AppError } from '@plumbline/core';

/** What may be written: all of it at once, or piece by piece for what should not stand in memory whole. */
export type ObjectBody = Uint8Array | AsyncIterable<Uint8Array>;

/**
 * Immutable objects under names of 64 lower-case hexadecimal digits. A name is derived from the content by whoever
 * writes it (for a sealed segment the SHA-256 of its bytes), so that writing one name twice writes the same thing; the
 * store does not look into objects, and readers check what they read.
 */
export interface ObjectStore {
  /** Durable and visible under its name when this resolves, or not there at all. */
  put(name: string, body: ObjectBody): Promise<void>;
  /** Throws `not_found`. */
  get(name: string): Promise<Buffer>;
  /** Throws `not_found` before the first byte. */
  stream(name: string): Promise<Readable>;
  has(name: string): Promise<boolean>;
  /** Size in bytes, or null where there is no such object. */
  size(name: string): Promise<number | null>;
  /** Deleting what is not there is no error. */
  delete(name: string): Promise<void>;
  /** Throws `unavailable`, with the reason in words, while objects cannot be read, or no more can be written. */
  check(): Promise<void>;
}

const NAME = /^[0-9a-f]{64}$/;

/** Refuses anything that is not an object's name, so that no caller can walk out of the store with one. */
export function assertObjectName(name: string): void {
  if (!NAME.test(name)) throw new AppError('invalid_input', 'An object is named by 64 hexadecimal digits.');
}

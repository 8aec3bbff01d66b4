import { lastWarningMs } from '@plumbline/core';
import type { ClockView } from '@plumbline/protocol';
import type { KeyValueStore } from '@plumbline/ui/browserStorage';

/** There is still time to save then, and most likely no more to change. */
const NAMES_UNSAVED_MINUTES = 15;
const FILES_NAMED = 3;

/** The first files by name, and how many more there are. */
export function someOf(paths: string[]): string {
  const named = paths.slice(0, FILES_NAMED).join(', ');
  return paths.length > FILES_NAMED ? `${named} and ${paths.length - FILES_NAMED} more` : named;
}

/**
 * What is said of the time that is left. A warning that fell due while no page of this browser was there is said by the next one:
 * the nearest to the end alone.
 */
export class TimeWarnings {
  private readonly storage: KeyValueStore;
  private readonly key: string;

  constructor(attemptId: string, storage: KeyValueStore) {
    this.storage = storage;
    this.key = `plumbline.warned.${attemptId}`;
  }

  /**
   * What to say at this clock; null for nothing. `dueMs` is the warning that fell due just now, if one did; `unsaved` are the files
   * that the final state would lack.
   */
  take({ running, remainingMs, limitMs }: ClockView, dueMs?: number, unsaved: string[] = []): string | null {
    const lastMs = lastWarningMs(remainingMs, limitMs);
    const saidMs = Number(this.storage.getItem(this.key) ?? Number.POSITIVE_INFINITY);
    if (lastMs === null) {
      // Time was given back: what is passed again is said again.
      if (saidMs !== Number.POSITIVE_INFINITY) this.storage.removeItem(this.key);
      return null;
    }
    if (dueMs === undefined && (!running || saidMs <= lastMs)) {
      if (saidMs < lastMs) this.storage.setItem(this.key, String(lastMs));
      return null;
    }
    this.storage.setItem(this.key, String(lastMs));
    // A correction may take more than the warning is about.
    const minutes = Math.max(1, Math.round(Math.min(dueMs ?? remainingMs, remainingMs) / 60_000));
    const left = minutes === 1 ? 'One minute is left.' : `${minutes} minutes are left.`;
    return minutes > NAMES_UNSAVED_MINUTES || unsaved.length === 0 ? left : `${left} Not saved yet: ${someOf(unsaved)}.`;
  }
}

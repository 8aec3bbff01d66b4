/**
 * The browser's small stores. One that is full or switched off refuses by throwing, and must not end what somebody is at: then a
 * value is kept as long as the page lives, and whoever listens is told once.
 */

export type KeyValueStore = Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>;

const listeners = new Set<() => void>();
let isRefused = false;

/** A store of the browser did not take what it was given. */
export function storageRefused(): void {
  if (isRefused) return;
  isRefused = true;
  for (const listener of listeners) listener();
}

/** Calls back once if a store refuses to keep something, at once where one has already. The returned function stops it. */
export function onStorageRefused(listener: () => void): () => void {
  if (isRefused) listener();
  else listeners.add(listener);
  return () => listeners.delete(listener);
}

/** A store that keeps in the page what `open`'s does not take. `open` may throw as well. */
export function lenientStorage(open: () => KeyValueStore, onRefused: () => void = storageRefused): KeyValueStore {
  const kept = new Map<string, string | null>();
  const keep = (key: string, value: string | null) => {
    try {
      if (value === null) open().removeItem(key);
      else open().setItem(key, value);
      kept.delete(key);
    } catch {
      kept.set(key, value);
      onRefused();
    }
  };
  return {
    getItem(key) {
      const known = kept.get(key);
      if (known !== undefined) return known;
      try {
        return open().getItem(key);
      } catch {
        return null;
      }
    },
    setItem: keep,
    removeItem: (key) => keep(key, null),
  };
}

/** What lives as long as this tab. */
export const tabStorage = lenientStorage(() => sessionStorage);
/** What all tabs of this browser share. */
export const browserStorage = lenientStorage(() => localStorage);

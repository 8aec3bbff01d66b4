import { useSyncExternalStore } from 'react';
import type { Store } from '../model/store.ts';

/** The value of a store, drawn again at each change. */
export function useStore<T>(store: Store<T>): T {
  return useSyncExternalStore(store.subscribe, store.get, store.get);
}

import { type KeyValueStore, tabStorage } from '@plumbline/ui/browserStorage';

/**
 * The id of a browser tab for one attempt: kept over reloads, and never shared by two tabs. A browser copies session
 * storage when a tab is duplicated, so a second page that finds its id in use takes a new one.
 */

export interface TabIdentity {
  id: string;
  /** Next number of a recorded event, and of an input frame: kept beside the id, so that none is used twice. */
  eventNumbers: { read(): number; write(next: number): void };
  inputNumbers: { read(): number; write(next: number): void };
  /** Lets another page have the id. */
  release(): void;
}

/** Exclusive use of a name among the pages of this browser: false where another page holds it. */
export type ClaimName = (name: string) => Promise<(() => void) | null>;

const OWNER_ANSWERS_WITHIN_MS = 200;
/** On a reload the old page's lock may outlive it for a moment. */
const CLAIM_TRIES = 4;
const CLAIM_AGAIN_MS = 150;

/** A random UUID, also on pages served without TLS, where the browser offers no `randomUUID`. */
export function randomId(): string {
  if (typeof crypto.randomUUID === 'function') return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

function claimByLock(name: string): Promise<(() => void) | null> {
  return new Promise((resolve) => {
    void navigator.locks
      .request(name, { ifAvailable: true }, (lock) => {
        if (!lock) {
          resolve(null);
          return undefined;
        }
        return new Promise<void>((release) => resolve(() => release()));
      })
      .catch(() => resolve(() => {}));
  });
}

/** Without Web Locks (a page served without TLS) the owner is asked by a broadcast, and answers. */
function claimByBroadcast(name: string): Promise<(() => void) | null> {
  const channel = new BroadcastChannel(name);
  const asker = randomId();
  return new Promise((resolve) => {
    const timer = setTimeout(() => {
      channel.onmessage = (event: MessageEvent<{ ask?: string }>) => {
        if (event.data.ask) channel.postMessage({ taken: event.data.ask });
      };
      resolve(() => channel.close());
    }, OWNER_ANSWERS_WITHIN_MS);
    channel.onmessage = (event: MessageEvent<{ taken?: string }>) => {
      if (event.data.taken !== asker) return;
      clearTimeout(timer);
      channel.close();
      resolve(null);
    };
    channel.postMessage({ ask: asker });
  });
}

/**
 * The name under which a tab's page holds its id. Whoever wants to speak for a tab that is gone claims it as well; only where the
 * browser has locks, as of two pages that ask at once the broadcast lets both.
 */
export const tabName = (id: string) => `plumbline-tab-${id}`;
export const claimGoneTab = (id: string) => ('locks' in navigator ? claimByLock(tabName(id)) : Promise.resolve(null));

export const claimName: ClaimName = (name) => ('locks' in navigator ? claimByLock(name) : claimByBroadcast(name));

function keeper(storage: KeyValueStore, key: string) {
  return {
    read: () => Number(storage.getItem(key) ?? '1') || 1,
    write: (next: number) => storage.setItem(key, String(next)),
  };
}

/** The identity of this tab for this attempt; waits a moment where another page seems to hold it. */
export async function takeTabIdentity(
  attemptId: string,
  storage: KeyValueStore = tabStorage,
  claim: ClaimName = claimName,
  wait: (ms: number) => Promise<void> = (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
): Promise<TabIdentity> {
  const key = `plumbline.tab.${attemptId}`;
  const kept = storage.getItem(key);
  const identity = (id: string, release: () => void): TabIdentity => ({
    id,
    eventNumbers: keeper(storage, `${key}.${id}.event`),
    inputNumbers: keeper(storage, `${key}.${id}.input`),
    release,
  });
  if (kept) {
    for (let tries = 0; tries < CLAIM_TRIES; tries += 1) {
      const release = await claim(tabName(kept));
      if (release) return identity(kept, release);
      await wait(CLAIM_AGAIN_MS);
    }
  }
  const id = randomId();
  const release = (await claim(tabName(id))) ?? (() => {});
  storage.setItem(key, id);
  return identity(id, release);
}

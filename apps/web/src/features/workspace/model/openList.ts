import { browserStorage, type KeyValueStore } from '@plumbline/ui/browserStorage';
import { fieldsOf, parsedJson } from './keptJson.ts';
import { type ClaimName, tabName } from './tabIdentity.ts';

const keyOf = (attemptId: string) => `plumbline.open.${attemptId}`;

export interface OpenListOptions {
  attemptId: string;
  tab: string;
  /** What lives as long as the tab, and what all tabs of the browser share. */
  tabStorage: KeyValueStore;
  browserStorage: KeyValueStore;
  claim: ClaimName;
}

/**
 * Which files a tab has open, as a text of its own: kept over its reloads, and for the next tab of the attempt once the one that kept
 * it last is gone, as it is on the next morning.
 */
export class OpenList {
  private readonly options: OpenListOptions;
  private readonly key: string;
  /** What was kept before this page, which begins to keep its own at once. */
  private readonly ofTab: string | null;
  private readonly ofBrowser: string | null;

  constructor(options: OpenListOptions) {
    this.options = options;
    this.key = keyOf(options.attemptId);
    this.ofTab = options.tabStorage.getItem(this.key);
    this.ofBrowser = options.browserStorage.getItem(this.key);
  }

  keep(list: string): void {
    const { tab, tabStorage, browserStorage } = this.options;
    tabStorage.setItem(this.key, list);
    browserStorage.setItem(this.key, JSON.stringify({ tab, list }));
  }

  /** What an earlier page kept; null where there was none, or another tab has it open. */
  async last(): Promise<string | null> {
    if (this.ofTab !== null || this.ofBrowser === null) return this.ofTab;
    const { tab, list } = fieldsOf(parsedJson(this.ofBrowser));
    if (typeof tab !== 'string' || typeof list !== 'string') return null;
    const release = await this.options.claim(tabName(tab));
    release?.();
    return release ? list : null;
  }
}

/** Forgets what this browser had open in attempts that are over. */
export function forgetOpenLists(attemptIds: readonly string[], storage: KeyValueStore = browserStorage): void {
  for (const attemptId of attemptIds) storage.removeItem(keyOf(attemptId));
}

import type { BrowserConnection } from './browserConnection.ts';
import { ReadingShare } from './readingShare.ts';

/** The tabs that are connected to one attempt. */
export class AttachedBrowsers extends Set<BrowserConnection> {
  /** All that are connected, also those that have not said hello. */
  readonly open = new Set<BrowserConnection>();
  readonly share = new ReadingShare(this.open);

  /** The connections of one tab: two for a moment, where it came back before its old one was given up. */
  ofTab(tab: string): BrowserConnection[] {
    return [...this].filter((browser) => browser.tab === tab);
  }

  broadcast(message: Parameters<BrowserConnection['send']>[0]): void {
    for (const browser of this) browser.send(message);
  }

  /** Sends every viewer a fresh screen of what it watches. */
  restoreAll(): void {
    for (const browser of this) for (const flow of browser.flows.values()) flow.start();
  }

  /** Nobody of them may go on here. */
  close(code: number, reason: string): void {
    for (const browser of this) browser.close(code, reason);
  }
}

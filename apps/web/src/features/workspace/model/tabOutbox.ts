import type { BrowserEventType, BrowserToGateway, EventData } from '@plumbline/protocol';
import type { BrowserTime } from './browserTime.ts';
import type { OutboxStore, StoredEvent } from './outboxStore.ts';
import { Signal } from './signal.ts';

/**
 * The recorded events that this tab claims: numbered from 1 without gaps, kept in memory and in the browser's database
 * until the gateway says that they are durable, sent again after each reconnect and by the next page of the same tab.
 */

/** Numbers live beside the tab's id, so that both are lost or kept together. */
export interface NumberKeeper {
  read(): number;
  write(next: number): void;
}

export interface TabOutboxOptions {
  tab: string;
  attemptId: string;
  time: BrowserTime;
  store: OutboxStore;
  numbers: NumberKeeper;
  send: (message: BrowserToGateway) => boolean;
}

/** Events are stored in groups of this age, since a transaction for each keystroke would cost more than the keystroke. */
const STORE_AFTER_MS = 100;

export class TabOutbox {
  /** Emits when storing in the browser fails: what is not durable would then not survive a reload. */
  readonly storeFailed = new Signal<unknown>();
  private readonly options: TabOutboxOptions;
  private held: StoredEvent[] = [];
  private unstored: StoredEvent[] = [];
  private nextN: number;
  private durable = 0;
  private cancelStore: (() => void) | null = null;
  private welcomed = false;
  private closed = false;

  constructor(options: TabOutboxOptions) {
    this.options = options;
    this.nextN = Math.max(1, options.numbers.read());
  }

  /** Takes over what an earlier page of this tab left. Call once, before the first connection. */
  async load(): Promise<void> {
    let left: StoredEvent[];
    try {
      left = await this.options.store.load(this.options.tab);
    } catch (error) {
      this.storeFailed.emit(error);
      return;
    }
    const first = this.held[0]?.n ?? this.nextN;
    const earlier = left.filter((event) => event.n < first && event.n > this.durable).sort((a, b) => a.n - b.n);
    this.held = [...earlier, ...this.held];
    this.nextN = Math.max(this.nextN, (this.held.at(-1)?.n ?? 0) + 1);
    this.options.numbers.write(this.nextN);
  }

  /** First number that is still held: what `hello` says. */
  get firstN(): number {
    return this.held[0]?.n ?? this.nextN;
  }

  get waitingCount(): number {
    return this.held.length;
  }

  /** Records an event: it is numbered, kept and sent. */
  offer<T extends BrowserEventType>(type: T, data: EventData<T>): void {
    if (this.closed) return;
    const { tab, attemptId, time, numbers } = this.options;
    const event: StoredEvent = { tab, attemptId, n: this.nextN, type, monoMs: time.monoMs(), data };
    this.nextN += 1;
    numbers.write(this.nextN);
    this.held.push(event);
    this.unstored.push(event);
    this.cancelStore ??= time.after(STORE_AFTER_MS, () => void this.storeNow());
    if (this.welcomed) this.sendOne(event);
  }

  /** The gateway's answer to `hello`: drops what is durable, sends the rest again in order. */
  onWelcome(eventsDurable: number): void {
    this.welcomed = true;
    this.onDurable(eventsDurable);
    // The gateway knows of higher numbers than this page: its memory of them was lost. Never reuse a number.
    if (eventsDurable >= this.nextN) {
      this.nextN = eventsDurable + 1;
      this.options.numbers.write(this.nextN);
    }
    for (const event of this.held) this.sendOne(event);
  }

  onDisconnected(): void {
    this.welcomed = false;
  }

  /** All events up to `n` are committed. */
  onDurable(n: number): void {
    if (n <= this.durable) return;
    this.durable = n;
    const keep = this.held.findIndex((event) => event.n > n);
    this.held = keep === -1 ? [] : this.held.slice(keep);
    this.unstored = this.unstored.filter((event) => event.n > n);
    void this.options.store.drop(this.options.tab, n).catch((error: unknown) => this.storeFailed.emit(error));
  }

  /** Stores what is not stored yet: called by itself, and when the page is being hidden. */
  async storeNow(): Promise<void> {
    this.cancelStore?.();
    this.cancelStore = null;
    const batch = this.unstored.filter((event) => event.n > this.durable);
    this.unstored = [];
    if (batch.length === 0) return;
    try {
      await this.options.store.put(batch);
      // What became durable while it was being written would stay behind for good.
      if ((batch[0]?.n ?? 0) <= this.durable) await this.options.store.drop(this.options.tab, this.durable);
    } catch (error) {
      this.storeFailed.emit(error);
    }
  }

  /** Takes no more events; what is held stays stored for the next page. */
  close(): void {
    this.closed = true;
    void this.storeNow();
  }

  private sendOne(event: StoredEvent): void {
    this.options.send({ t: 'event', n: event.n, type: event.type, monoMs: event.monoMs, data: event.data });
  }
}

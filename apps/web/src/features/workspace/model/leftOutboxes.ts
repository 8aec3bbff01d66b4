import { CLOSE_CODES, PROTOCOL_VERSION } from '@plumbline/protocol';
import { AttemptSocket, type AttemptSocketOptions } from './attemptSocket.ts';
import type { OutboxesStore } from './outboxStore.ts';
import { TabOutbox } from './tabOutbox.ts';

/** A connection that is away this long may come back for the next page. */
const GIVEN_UP_AFTER_MS = 60_000;

export interface LeftOutboxesOptions extends Pick<AttemptSocketOptions, 'time' | 'getTicket' | 'open'> {
  attemptId: string;
  store: OutboxesStore;
  /** Exclusive use of a tab's id; null where a page has it. */
  claim: (tab: string) => Promise<(() => void) | null>;
}

/**
 * Sends what tabs that are gone could not: each as that tab and under its own numbers, while no other page can have its id. A tab
 * that its browser opens again meanwhile finds its id taken, and goes on under another.
 */
export class LeftOutboxes {
  private readonly options: LeftOutboxesOptions;
  private stopNow = () => {};
  private stopped = false;

  constructor(options: LeftOutboxesOptions) {
    this.options = options;
  }

  async send(): Promise<void> {
    const { attemptId, store, claim } = this.options;
    for (const tab of await store.tabs(attemptId).catch(() => [])) {
      if (this.stopped) return;
      const release = await claim(tab);
      if (!release) continue;
      await this.sendOf(tab);
      release();
    }
  }

  stop(): void {
    this.stopped = true;
    this.stopNow();
  }

  private async sendOf(tab: string): Promise<void> {
    const { attemptId, store, time, getTicket, open } = this.options;
    // Whatever is held stands before the next number, and none is given out.
    const outbox = new TabOutbox({
      ...{ tab, attemptId, time, store },
      numbers: { read: () => Number.MAX_SAFE_INTEGER, write: () => {} },
      send: (message) => socket.send(message),
    });
    const socket: AttemptSocket = new AttemptSocket({
      ...{ time, getTicket, open },
      hello: () => ({
        t: 'hello',
        protocol: PROTOCOL_VERSION,
        tab,
        firstEventN: outbox.firstN,
        firstInputN: 1,
        monoMs: time.monoMs(),
      }),
    });
    await outbox.load();
    if (outbox.waitingCount === 0 || this.stopped) return;
    const isEnded = await new Promise<boolean>((resolve) => {
      const cancel = time.after(GIVEN_UP_AFTER_MS, () => end(false));
      const end = (ended: boolean) => {
        cancel();
        socket.stop();
        resolve(ended);
      };
      this.stopNow = () => end(false);
      const endWhenEmpty = () => outbox.waitingCount === 0 && end(false);
      socket.state.on((state) => {
        if (state.kind !== 'open') outbox.onDisconnected();
        if (state.kind === 'closed') end(state.code === CLOSE_CODES.ended);
      });
      socket.welcome.on(({ eventsDurable }) => {
        outbox.onWelcome(eventsDurable);
        endWhenEmpty();
      });
      socket.message.on((message) => {
        if (message.t !== 'durable') return;
        outbox.onDurable(message.events);
        endWhenEmpty();
      });
      socket.start();
    });
    // Nothing of it can be recorded any more.
    if (isEnded) await store.drop(tab, Number.MAX_SAFE_INTEGER).catch(() => {});
  }
}

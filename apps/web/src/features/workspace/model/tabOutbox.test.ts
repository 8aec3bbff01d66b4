import type { BrowserToGateway } from '@plumbline/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { OutboxStore, StoredEvent } from './outboxStore.ts';
import { SteppedTime, settle } from './steppedTime.fixture.ts';
import { TabOutbox } from './tabOutbox.ts';

const TAB = '00000000-0000-4000-8000-000000000000';

/** The browser's database and session storage, which outlive a page. */
class KeptByBrowser implements OutboxStore {
  rows = new Map<number, StoredEvent>();
  next = 1;
  numbers = { read: () => this.next, write: (next: number) => this.setNext(next) };

  private setNext(next: number): void {
    this.next = next;
  }

  async put(events: StoredEvent[]): Promise<void> {
    for (const event of events) this.rows.set(event.n, event);
  }

  async load(): Promise<StoredEvent[]> {
    return [...this.rows.values()];
  }

  async drop(_tab: string, n: number): Promise<void> {
    for (const key of this.rows.keys()) if (key <= n) this.rows.delete(key);
  }
}

function outboxOf(kept: KeptByBrowser, time: SteppedTime, send: (message: BrowserToGateway) => boolean): TabOutbox {
  return new TabOutbox({ tab: TAB, attemptId: 'a', time, store: kept, numbers: kept.numbers, send });
}

const focus = (outbox: TabOutbox, panel: string) => outbox.offer('focus.panel', { tab: TAB, panel });

describe('the events that a tab records', () => {
  it('are sent once at a time and forgotten when durable', async () => {
    const time = new SteppedTime();
    const kept = new KeptByBrowser();
    const sent: number[] = [];
    const outbox = outboxOf(kept, time, (message) => message.t === 'event' && sent.push(message.n) > 0);
    await outbox.load();
    focus(outbox, 'a');
    expect(sent).toEqual([]);
    outbox.onWelcome(0);
    focus(outbox, 'b');
    expect(sent).toEqual([1, 2]);
    await time.step(200);
    expect(kept.rows.size).toBe(2);
    outbox.onDurable(2);
    await settle();
    expect(outbox.waitingCount).toBe(0);
    expect(kept.rows.size).toBe(0);
  });

  it('are sent again by the next page of the same tab, under the same numbers', async () => {
    const time = new SteppedTime();
    const kept = new KeptByBrowser();
    const first = outboxOf(kept, time, () => true);
    await first.load();
    first.onWelcome(0);
    for (const panel of ['a', 'b', 'c']) focus(first, panel);
    first.onDurable(1);
    await first.storeNow();

    const sent: [number, unknown][] = [];
    const second = outboxOf(
      kept,
      time,
      (message) => message.t === 'event' && sent.push([message.n, (message.data as { panel: string }).panel]) > 0,
    );
    await second.load();
    focus(second, 'd');
    expect(second.firstN).toBe(2);
    second.onWelcome(1);
    expect(sent).toEqual([
      [2, 'b'],
      [3, 'c'],
      [4, 'd'],
    ]);
  });

  it('never get a number that the gateway has seen', async () => {
    const time = new SteppedTime();
    const kept = new KeptByBrowser();
    const sent: number[] = [];
    const outbox = outboxOf(kept, time, (message) => message.t === 'event' && sent.push(message.n) > 0);
    outbox.onWelcome(41);
    focus(outbox, 'a');
    expect(sent).toEqual([42]);
  });

  it('all arrive, once and in order, whatever way connections and pages come and go', async () => {
    const act = fc.oneof(
      { weight: 6, arbitrary: fc.constant('offer' as const) },
      { weight: 2, arbitrary: fc.constant('durable' as const) },
      { weight: 2, arbitrary: fc.constant('cut' as const) },
      { weight: 1, arbitrary: fc.constant('reload' as const) },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(act, { maxLength: 60 }), async (acts) => {
        const time = new SteppedTime();
        const kept = new KeptByBrowser();
        const arrived: string[] = [];
        let offered = 0;
        const gatewayTakes = (message: BrowserToGateway) => {
          if (message.t !== 'event') return false;
          // As the gateway does: a known number is a duplicate, and none may be left out.
          expect(message.n).toBeLessThanOrEqual(arrived.length + 1);
          if (message.n === arrived.length + 1) arrived.push((message.data as { panel: string }).panel);
          return true;
        };
        let outbox = outboxOf(kept, time, gatewayTakes);
        await outbox.load();
        outbox.onWelcome(0);
        for (const step of [...acts, 'reload' as const]) {
          if (step === 'offer') {
            focus(outbox, String(offered));
            offered += 1;
          } else if (step === 'durable') outbox.onDurable(arrived.length);
          else if (step === 'cut') {
            outbox.onDisconnected();
            focus(outbox, String(offered));
            offered += 1;
            outbox.onWelcome(Math.max(0, arrived.length - 1));
          } else {
            await outbox.storeNow();
            outbox = outboxOf(kept, time, gatewayTakes);
            await outbox.load();
            outbox.onWelcome(Math.floor(arrived.length / 2));
          }
          await settle();
        }
        expect(arrived).toEqual(Array.from({ length: offered }, (_, n) => String(n)));
      }),
      { numRuns: 60 },
    );
  });
});

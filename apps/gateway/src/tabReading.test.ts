import { PASTE_MAX_BYTES } from '@plumbline/protocol';
import { describe, expect, it } from 'vitest';
import { TabReading } from './tabReading.ts';

const MEGABYTE = 1024 * 1024;
const CHUNK_BYTES = 16 * 1024;

function reading() {
  const calls: string[] = [];
  return { calls, tab: new TabReading({ pause: () => calls.push('pause'), resume: () => calls.push('resume') }) };
}

describe('how far a tab is read', () => {
  it.each(['input', 'events'] as const)('no further while 16 MiB of its %s are not in the recording, and on once they are', (kind) => {
    const { tab, calls } = reading();
    for (let n = 1; n <= 17; n++) tab.passedOn(kind, n, MEGABYTE);
    expect(calls).toEqual(['pause']);
    expect(tab.held).toBe(true);
    tab.durable({ input: 0, events: 0, [kind]: 17 });
    expect(calls).toEqual(['pause', 'resume']);
    expect(tab.held).toBe(false);
  });

  it('counts what comes again, and lets it go with its first', () => {
    const { tab } = reading();
    for (let time = 0; time < 17; time++) tab.passedOn('input', 1, MEGABYTE);
    expect(tab.held).toBe(true);
    tab.durable({ input: 1, events: 0 });
    expect(tab.held).toBe(false);
  });

  it('on where a runner ended with it, since nobody else would say that it is recorded', () => {
    const { tab } = reading();
    for (let n = 1; n <= 17; n++) {
      tab.passedOn('input', n, MEGABYTE);
      tab.passedOn('events', n, MEGABYTE);
    }
    tab.startAnew();
    expect(tab.held).toBe(false);
  });

  it('is held for as long as any reason holds', () => {
    const { tab, calls } = reading();
    tab.hold('requests', true);
    tab.hold('input', true);
    tab.hold('requests', false);
    expect(calls).toEqual(['pause']);
    tab.hold('input', false);
    expect(calls).toEqual(['pause', 'resume']);
  });

  it('is never held for a paste of 5 MB at once, nor for a held key while a panel is dragged', () => {
    const { tab, calls } = reading();
    for (let bytes = 0, n = 1; bytes < PASTE_MAX_BYTES; bytes += CHUNK_BYTES, n++) {
      tab.came(CHUNK_BYTES);
      tab.passedOn('input', n, CHUNK_BYTES);
    }
    // What a quarter of a second brings at most: 60 keys and 120 sizes of a panel a second, and the credit for what is drawn.
    for (let n = 0; n < 60; n++) tab.came(200);
    expect(calls).toEqual([]);
  });

  it('waits once it has had its share of messages or bytes', () => {
    for (const [messages, bytes] of [
      [500, 10],
      [8, MEGABYTE],
    ] as const) {
      const { tab, calls } = reading();
      for (let n = 0; n < messages; n++) tab.came(bytes);
      expect(calls).toEqual(['pause']);
    }
  });
});

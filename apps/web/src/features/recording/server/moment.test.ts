import type { RecordedEvent } from '@plumbline/protocol';
import { indexEvents } from '@plumbline/recording/indexBuilder';
import type { EventRange } from '@plumbline/recording/reader';
import { describe, expect, it } from 'vitest';
import { recordedMoment } from './moment.ts';

const TAB = '00000000-0000-4000-8000-000000000000';

/** An editor's events, a millisecond apart, of a recording in memory that tells how it was read. */
class RecordedEditor {
  readonly events: RecordedEvent[] = [];
  readonly passes: EventRange[] = [];
  readEvents = 0;
  onRead = () => {};

  opened(path: string, text: string): this {
    return this.push('editor.opened', { tab: TAB, path, version: 1, text });
  }

  typed(path: string, text: string): this {
    return this.push('editor.changed', { tab: TAB, path, version: 2, changes: [{ offset: 0, length: 0, text }] });
  }

  private push(type: string, data: unknown): this {
    const seq = this.events.length + 1;
    this.events.push({ seq, atMs: seq, stream: 0, type, data } as unknown as RecordedEvent);
    return this;
  }

  async moment(signal = new AbortController().signal) {
    const { events: all, passes } = this;
    const onRead = () => {
      this.readEvents += 1;
      this.onRead();
    };
    const recording = {
      async *events(range: EventRange = {}) {
        passes.push(range);
        for (const event of all) {
          if (event.seq < (range.fromSeq ?? 1) || event.seq > (range.toSeq ?? Number.POSITIVE_INFINITY)) continue;
          if (range.types?.has(event.type) === false || event.atMs >= (range.toMs ?? Number.POSITIVE_INFINITY)) continue;
          onRead();
          yield event;
        }
      },
      async *seekTerminal() {},
    };
    return recordedMoment(await indexEvents(all), recording, all.length, signal);
  }
}

describe('the documents of a moment', () => {
  it('are read in one pass, and come in the order in which they were opened', async () => {
    const recording = new RecordedEditor();
    for (let n = 0; n < 40; n += 1) recording.opened(`${n}.py`, `text ${n}`);
    for (let n = 39; n >= 0; n -= 1) recording.typed(`${n}.py`, 'new ');
    const { documents } = await recording.moment();
    expect(documents.map(({ path, text }) => [path, text])).toEqual(Array.from({ length: 40 }, (_, n) => [`${n}.py`, `new text ${n}`]));
    expect(recording.passes).toHaveLength(1);
    expect(recording.readEvents).toBe(80);
  });

  it('are read where they are, and not what lies far between', async () => {
    const recording = new RecordedEditor().opened('old.py', 'old');
    for (let n = 0; n < 3_000; n += 1) recording.typed('unknown.py', 'x');
    recording.opened('new.py', 'new');
    expect((await recording.moment()).documents.map(({ path }) => path)).toEqual(['old.py', 'new.py']);
    expect(recording.readEvents).toBeLessThan(10);
  });

  it('are the newest where all of them would be too much', async () => {
    const recording = new RecordedEditor();
    for (let n = 0; n < 20; n += 1) recording.opened(`${n}.py`, 'x'.repeat(4 * 1024 * 1024));
    expect((await recording.moment()).documents.map(({ path }) => path)).toEqual(Array.from({ length: 8 }, (_, n) => `${n + 12}.py`));
  });

  it('are read no further once nobody waits, the newest 50 first', async () => {
    const recording = new RecordedEditor();
    for (let n = 0; n < 200; n += 1) recording.opened(`${n}.py`, 'text');
    const reader = new AbortController();
    recording.onRead = () => {
      if (recording.readEvents === 50) reader.abort();
    };
    await recording.moment(reader.signal);
    expect(recording.readEvents).toBe(50);
    expect(recording.passes.map(({ fromSeq, toSeq }) => [fromSeq, toSeq])).toEqual([[151, 200]]);
  });
});

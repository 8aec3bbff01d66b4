import type { RecordedEvent } from '@plumbline/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type EventLine, fromEventLine, toEventLine } from './recordingApi.ts';

const text = fc.string({ unit: 'binary', maxLength: 40 }).map((made) => new TextEncoder().encode(`\ufeff${made}`));

describe('an event on the wire of a replay', () => {
  it('comes back as it was, whatever its bytes', () => {
    fc.assert(
      fc.property(fc.oneof(text, fc.uint8Array({ maxLength: 40 })), (bytes) => {
        const event: RecordedEvent = { seq: 1, type: 'terminal.output', stream: 1, atMs: 5, data: { offset: 7, bytes } };
        const line = JSON.parse(JSON.stringify(toEventLine(event))) as EventLine;
        expect(fromEventLine(line)).toEqual({ ...event, receivedAtMs: undefined });
      }),
    );
  });

  it('keeps text of other events apart from bytes', () => {
    const event: RecordedEvent = { seq: 1, type: 'note.written', stream: 0, atMs: 5, data: { n: 1, text: 'x', elapsedMs: 1 } };
    expect(fromEventLine(toEventLine(event))?.data).toEqual(event.data);
  });
});

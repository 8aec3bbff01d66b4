import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeMessage, MESSAGE_MAX_BYTES, MessageReader } from './messageStream.ts';

describe('messages of a language server', () => {
  it('come out as they went in, wherever the bytes are cut', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ text: fc.string({ unit: 'grapheme' }) }), { maxLength: 5 }),
        fc.infiniteStream(fc.nat(40)),
        (sent, sizes) => {
          const reader = new MessageReader();
          const bytes = Buffer.concat(sent.map(encodeMessage));
          const received: unknown[] = [];
          for (let at = 0; at < bytes.length; ) {
            const size = 1 + (sizes.next().value as number);
            received.push(...reader.take(bytes.subarray(at, at + size)));
            at += size;
          }
          expect(received).toEqual(sent);
        },
      ),
    );
  });

  it('are refused where they claim too much, or no length, or never end their header', () => {
    expect(() => new MessageReader().take(Buffer.from(`Content-Length: ${MESSAGE_MAX_BYTES + 1}\r\n\r\n`))).toThrow('length');
    expect(() => new MessageReader().take(Buffer.from('Content-Type: x\r\n\r\n{}'))).toThrow('length');
    expect(() => new MessageReader().take(Buffer.alloc(5_000, 'x'))).toThrow('header');
  });
});

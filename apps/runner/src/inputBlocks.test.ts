import { describe, expect, it } from 'vitest';
import { InputBlocks } from './inputBlocks.ts';

const TAB = 'b5a1c0de-0000-4000-8000-000000000001';
const chunk = (n: number, text: string, more = false, terminal = 1) => ({ tab: TAB, terminal, n, more, bytes: Buffer.from(text) });
const text = (bytes: Uint8Array | undefined) => Buffer.from(bytes ?? []).toString();

describe('input blocks', () => {
  it('take each number of a tab once', () => {
    const blocks = new InputBlocks({ [TAB]: 3 });
    expect(blocks.take(chunk(3, 'old'))).toBeNull();
    expect(text(blocks.take(chunk(4, 'a'))?.bytes)).toBe('a');
    expect(blocks.take(chunk(4, 'a'))).toBeNull();
  });

  it('go on where the gateway says that a tab is, and wait for nothing that an earlier runner took', () => {
    const blocks = new InputBlocks({});
    blocks.settle(TAB, 7);
    expect(blocks.take(chunk(7, 'old'))).toBeNull();
    expect(blocks.take(chunk(8, 'half ', true))).toBeNull();
    blocks.forgetPartial();
    blocks.settle(TAB, 3);
    expect(blocks.take(chunk(8, 'half ', true))).toBeNull();
    expect(text(blocks.take(chunk(9, 'whole'))?.bytes)).toBe('half whole');
  });

  it('put a block that was cut together again, under the number of its last chunk', () => {
    const blocks = new InputBlocks({});
    expect(blocks.take(chunk(1, '\x1b[200~one ', true))).toBeNull();
    expect(blocks.take(chunk(2, 'two ', true))).toBeNull();
    const block = blocks.take(chunk(3, 'three\x1b[201~'));
    expect(text(block?.bytes)).toBe('\x1b[200~one two three\x1b[201~');
    expect(block).toMatchObject({ n: 3, paste: true, broken: false });
  });

  it('wait for what was lost on the way, whatever comes before its turn', () => {
    const blocks = new InputBlocks({});
    blocks.take(chunk(1, 'one ', true));
    expect(blocks.take(chunk(3, 'three'))).toBeNull();
    expect(blocks.take(chunk(4, 'next'))).toBeNull();
    blocks.take(chunk(2, 'two ', true));
    expect(text(blocks.take(chunk(3, 'three'))?.bytes)).toBe('one two three');
    expect(text(blocks.take(chunk(4, 'next'))?.bytes)).toBe('next');
  });

  it('do not hand on a block of which a chunk was refused', () => {
    const blocks = new InputBlocks({});
    blocks.take(chunk(1, 'one', true));
    const block = blocks.take(chunk(2, ''));
    expect(block).toMatchObject({ n: 2, broken: true });
    expect(block?.bytes.length).toBe(0);
    expect(text(blocks.take(chunk(3, 'next'))?.bytes)).toBe('next');
  });

  it('take a block again from its first chunk after the link broke in the middle', () => {
    const blocks = new InputBlocks({ [TAB]: 4 });
    blocks.take(chunk(5, 'one ', true));
    blocks.forgetPartial();
    blocks.take(chunk(5, 'one ', true));
    expect(text(blocks.take(chunk(6, 'two'))?.bytes)).toBe('one two');
  });
});

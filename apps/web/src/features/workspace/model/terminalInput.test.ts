import { decodeInputFrame, INPUT_CHUNK_BYTES, PASTE_MAX_BYTES, UNACKNOWLEDGED_INPUT_MAX_BYTES } from '@plumbline/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SteppedTime } from './steppedTime.fixture.ts';
import { TerminalInput } from './terminalInput.ts';

function inputWith(options: { buffered?: () => number } = {}) {
  const time = new SteppedTime();
  const frames: { terminal: number; n: number; more: boolean; bytes: Uint8Array }[] = [];
  let connected = true;
  let next = 1;
  const input = new TerminalInput({
    time,
    numbers: {
      read: () => next,
      write: (value) => {
        next = value;
      },
    },
    bufferedBytes: options.buffered ?? (() => 0),
    sendBinary: (bytes) => {
      const frame = decodeInputFrame(bytes);
      if (!connected || !frame) return false;
      frames.push(frame);
      return true;
    },
  });
  const setConnected = (value: boolean) => {
    connected = value;
  };
  return { input, frames, time, setConnected };
}

describe('typing into a terminal', () => {
  it('goes out as numbered frames, a paste as one undivided block', () => {
    const { input, frames } = inputWith();
    input.onWelcome(0);
    input.offer(1, new Uint8Array([97]));
    const paste = new Uint8Array(INPUT_CHUNK_BYTES * 2 + 5).fill(98);
    input.offer(2, paste);
    input.offer(1, new Uint8Array([99]));
    expect(frames.map(({ n, terminal, more, bytes }) => [n, terminal, more, bytes.length])).toEqual([
      [1, 1, false, 1],
      [2, 2, true, INPUT_CHUNK_BYTES],
      [3, 2, true, INPUT_CHUNK_BYTES],
      [4, 2, false, 5],
      [5, 1, false, 1],
    ]);
  });

  it('takes a paste of 5 MiB and refuses a larger one', () => {
    const { input } = inputWith();
    input.onWelcome(0);
    expect(input.offer(1, new Uint8Array(PASTE_MAX_BYTES))).toBe('taken');
    expect(input.offer(1, new Uint8Array(PASTE_MAX_BYTES + 13))).toBe('too_large');
  });

  it('stops at the cap and says so, and goes on when half of it is free', () => {
    const { input } = inputWith();
    input.onWelcome(0);
    const changes: boolean[] = [];
    input.fullChanged.on((full) => changes.push(full));
    let offered = 0;
    while (input.offer(1, new Uint8Array(INPUT_CHUNK_BYTES)) === 'taken') offered += 1;
    expect(offered * INPUT_CHUNK_BYTES).toBeLessThanOrEqual(UNACKNOWLEDGED_INPUT_MAX_BYTES);
    expect(changes).toEqual([true]);
    input.onDurable(10);
    expect(input.full).toBe(true);
    input.onDurable(offered - 2);
    expect(changes).toEqual([true, false]);
    expect(input.offer(1, new Uint8Array([1]))).toBe('taken');
  });

  it('holds frames back while the wire is full', async () => {
    let buffered = 0;
    const { input, frames, time } = inputWith({ buffered: () => buffered });
    input.onWelcome(0);
    buffered = 1_000_000;
    input.offer(1, new Uint8Array([1]));
    expect(frames).toHaveLength(0);
    buffered = 0;
    await time.step(100);
    expect(frames).toHaveLength(1);
  });

  it('arrives whole and in order, once, through any losses of the link', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.oneof(fc.uint8Array({ minLength: 1, maxLength: 40 }), fc.constantFrom('durable' as const, 'cut' as const, 'back' as const)),
          { maxLength: 50 },
        ),
        (acts) => {
          const { input, frames, setConnected } = inputWith();
          const typed: number[] = [];
          const received: number[] = [];
          let durable = 0;
          let read = 0;
          const gateway = () => {
            for (; read < frames.length; read += 1) {
              const frame = frames[read];
              if (!frame || frame.n <= durable) continue;
              expect(frame.n).toBe(durable + 1);
              durable = frame.n;
              received.push(...frame.bytes);
            }
          };
          input.onWelcome(0);
          for (const act of [...acts, 'back' as const]) {
            if (act instanceof Uint8Array) {
              typed.push(...act);
              input.offer(1, act);
            } else if (act === 'durable') input.onDurable(durable);
            else if (act === 'cut') {
              setConnected(false);
              input.onDisconnected();
            } else {
              setConnected(true);
              input.onWelcome(durable);
            }
            gateway();
          }
          expect(received).toEqual(typed);
        },
      ),
    );
  });
});

import { VIEWER_BEHIND_MAX_BYTES } from '@plumbline/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ViewerFlow } from './viewerFlow.ts';

/** A terminal's whole output, and a viewer that applies what it is sent. */
class Viewer {
  readonly flow: ViewerFlow;
  output = '';
  shown = '';
  restores = 0;
  receivedBytes = 0;
  #timers: (() => void)[] = [];

  constructor() {
    this.flow = new ViewerFlow(1, {
      sendOutput: (_terminal, offset, bytes) => {
        expect(offset).toBe(this.shown.length);
        this.shown += Buffer.from(bytes).toString('latin1');
        this.receivedBytes += bytes.length;
      },
      requestRestore: () => {
        this.restores += 1;
      },
      later: (_delayMs, call) => this.#timers.push(call),
    });
  }

  /** The time between two screens passes. */
  rest(): void {
    for (const call of this.#timers.splice(0)) call();
  }

  emit(text: string): void {
    const offset = this.output.length;
    this.output += text;
    this.flow.output(offset, Buffer.from(text, 'latin1'));
  }

  answerRestore(offset = this.output.length): void {
    this.shown = this.output.slice(0, offset);
    this.receivedBytes = 0;
    this.flow.restored(offset);
  }
}

describe('ViewerFlow', () => {
  it('shows every byte once, whatever output passes while the screen is on its way', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ maxLength: 20 })),
        fc.array(fc.string({ maxLength: 20 })),
        fc.array(fc.string({ maxLength: 20 })),
        fc.nat(),
        (before, during, after, cut) => {
          const viewer = new Viewer();
          for (const text of before) viewer.emit(text);
          const requestedAt = viewer.output.length;
          viewer.flow.start();
          for (const text of during) viewer.emit(text);
          // The screen is taken at any moment after it was asked for.
          viewer.answerRestore(requestedAt + (viewer.output.length === requestedAt ? 0 : cut % (viewer.output.length - requestedAt + 1)));
          for (const text of after) viewer.emit(text);
          expect(viewer.shown).toBe(viewer.output);
        },
      ),
    );
  });

  it('gives a viewer that stopped drawing a fresh screen instead of what it missed', () => {
    const viewer = new Viewer();
    viewer.flow.start();
    viewer.answerRestore();
    const chunk = 'x'.repeat(64 * 1024);
    for (let sent = 0; sent < 4 * VIEWER_BEHIND_MAX_BYTES; sent += chunk.length) viewer.emit(chunk);
    expect(viewer.receivedBytes).toBeLessThanOrEqual(VIEWER_BEHIND_MAX_BYTES);
    expect(viewer.restores).toBe(1);
    viewer.rest();
    expect(viewer.restores).toBe(1);
    viewer.flow.credit(viewer.receivedBytes);
    expect(viewer.restores).toBe(2);
    viewer.answerRestore();
    viewer.emit('and on');
    expect(viewer.shown).toBe(viewer.output);
  });

  it('asks for a newer screen when too much passed while it waited for one', () => {
    const viewer = new Viewer();
    viewer.flow.start();
    viewer.emit('y'.repeat(VIEWER_BEHIND_MAX_BYTES + 1));
    viewer.answerRestore(0);
    expect(viewer.restores).toBe(1);
    viewer.rest();
    expect(viewer.restores).toBe(2);
    viewer.answerRestore();
    expect(viewer.shown).toBe(viewer.output);
  });

  it('loses nothing when a screen is asked for again before the first one came', () => {
    const viewer = new Viewer();
    viewer.flow.start();
    viewer.emit('between the two');
    viewer.flow.start();
    viewer.emit(' and after');
    viewer.answerRestore(3);
    expect(viewer.shown).toBe(viewer.output);
    expect(viewer.flow.waiting).toBe(false);
  });

  it('asks for screens no more often than they are worth while a flood goes on', () => {
    const viewer = new Viewer();
    viewer.flow.start();
    viewer.answerRestore();
    for (let round = 0; round < 5; round++) {
      viewer.emit('z'.repeat(VIEWER_BEHIND_MAX_BYTES + 1));
      viewer.flow.credit(viewer.receivedBytes);
    }
    expect(viewer.restores).toBe(1);
    viewer.rest();
    expect(viewer.restores).toBe(2);
  });

  it('ignores credit for bytes that were never sent', () => {
    const viewer = new Viewer();
    viewer.flow.start();
    viewer.answerRestore();
    viewer.emit('abc');
    viewer.flow.credit(1_000_000);
    expect(viewer.flow.behindBytes).toBe(3);
    viewer.flow.credit(-5);
    expect(viewer.flow.behindBytes).toBe(3);
  });
});

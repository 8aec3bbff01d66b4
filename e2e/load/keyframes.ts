import type { EventInput } from '@plumbline/protocol';
import { headlessTerminal, isBetweenSequences, isKeyframeDue, KEYFRAME_SCROLLBACK_LINES, serialiseScreen } from '@plumbline/screens';

type Screen = ReturnType<typeof headlessTerminal>;

/** An output that is waited for before more is written, so that little is held. */
const LARGE_BYTES = 16 * 1024;

/** The events with the keyframes that a runner would give among them: the same terminal's, by the same rule. */
export async function withKeyframes(events: readonly EventInput[]): Promise<EventInput[]> {
  const made: EventInput[] = [];
  const terminals = new Map<number, { screen: Screen; atMs: number; putOutBytes: number }>();
  let putOutBytes = 0;
  for (const event of events) {
    made.push(event);
    const { type, stream, atMs } = event;
    const known = terminals.get(stream);
    if (type === 'terminal.opened') {
      const { cols, rows } = event.data;
      terminals.set(stream, { screen: headlessTerminal({ cols, rows, scrollback: KEYFRAME_SCROLLBACK_LINES }), atMs, putOutBytes });
    }
    if (type !== 'terminal.output' || known === undefined) continue;
    const { screen } = known;
    const { offset, bytes } = event.data;
    putOutBytes += bytes.length;
    const isDue = isKeyframeDue({ ageMs: atMs - known.atMs, outputBytes: putOutBytes - known.putOutBytes });
    // To wait for every line would take minutes.
    if (!isDue && bytes.length < LARGE_BYTES) {
      screen.write(bytes);
      continue;
    }
    await new Promise<void>((parsed) => screen.write(bytes, parsed));
    if (!isDue || !isBetweenSequences(screen)) continue;
    const { cols, rows } = screen;
    const text = serialiseScreen(screen, KEYFRAME_SCROLLBACK_LINES);
    made.push({ type: 'terminal.keyframe', stream, atMs, data: { cols, rows, offset: offset + bytes.length, screen: text } });
    Object.assign(known, { atMs, putOutBytes });
  }
  for (const { screen } of terminals.values()) screen.dispose();
  return made;
}

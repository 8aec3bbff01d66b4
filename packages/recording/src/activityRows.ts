import type { RecordedEvent } from '@plumbline/protocol';
import { bytesWords, copyWords, pasteWords, targetWords } from './markerWords.ts';
import type { ActivityKind, IndexedEvents } from './recordingIndex.ts';

/**
 * What was done beside typing, as rows of an index: pastes, copies, transfers of files, ports, network peers, calls of models and, by an
 * agent, of its tools, and where the participant looked. Of each kind the newest are kept, so that none crowds out another.
 */

type ActivityRow = IndexedEvents['activityRows'][number];
type Told = Pick<ActivityRow, 'kind' | 'text' | 'detail'>;

/** Of each kind. A script that calls a model all day says little by each call, and an index is read before a replay's first frame. */
export const ACTIVITY_KEPT = 1_000;
const TEXT_MAX = 300;
/** A paste, or what a tool is called with, may be a whole program; its beginning tells which, and the rest is in its event. */
const DETAIL_MAX = 300;

const SEALED_KINDS: ReadonlySet<ActivityKind> = new Set<ActivityKind>(['paste', 'copy', 'model', 'tool']);

/** Whether a seal withholds rows of this kind: what the rows are of stands in `SEALED_TYPES`. */
export function isSealedKind(kind: ActivityKind): boolean {
  return SEALED_KINDS.has(kind);
}

/** Adds what an event says; most events say nothing. */
export function addActivity(index: IndexedEvents, event: RecordedEvent): void {
  if (event.type === 'network.sample') return addPeers(index, event);
  const told = toldBy(event);
  if (told !== null) push(index, event, told);
}

function push({ activityRows }: IndexedEvents, { seq, atMs }: RecordedEvent, { kind, text, detail }: Told): void {
  activityRows.push({ seq, atMs, kind, text: text.slice(0, TEXT_MAX), detail: detail?.slice(0, DETAIL_MAX) ?? null });
}

function toldBy(event: RecordedEvent): Told | null {
  switch (event.type) {
    case 'clipboard.paste':
      return { kind: 'paste', text: pasteWords(event.data.length, event.data.target), detail: event.data.text ?? null };
    case 'clipboard.copy':
      return { kind: 'copy', text: copyWords(event.data.length, event.data.target), detail: null };
    case 'file.transferred': {
      const { direction, path, size } = event.data;
      return {
        kind: 'transfer',
        text: `${direction === 'download' ? 'Download' : 'Upload'} of ${path}, ${bytesWords(size)}`,
        detail: null,
      };
    }
    case 'port.opened':
      return { kind: 'port', text: `Opened port ${event.data.port}${event.data.path}`, detail: null };
    case 'model.call': {
      const { asker, model, status } = event.data;
      const by = asker === 'scorer' ? ', by the scorer' : '';
      const result = status < 400 ? tokenWords(event.data) : `failed with ${status}`;
      return { kind: 'model', text: `Call of ${model}${by}: ${result}`, detail: null };
    }
    case 'agent.asked':
      return { kind: 'model', text: `Call of ${event.data.model} by the agent: ${tokenWords(event.data)}`, detail: null };
    case 'agent.called':
      return { kind: 'tool', text: `Call of the tool ${event.data.tool}`, detail: JSON.stringify(event.data.arguments) ?? null };
    case 'agent.returned': {
      // The one that gave all it had to give says no more than that it was called.
      const { error } = event.data;
      return error === undefined ? null : { kind: 'tool', text: 'A tool did not give back all', detail: error };
    }
    case 'focus.panel':
      return { kind: 'focus', text: `Went to ${targetWords(event.data.panel)}`, detail: null };
    case 'focus.page':
      return { kind: 'focus', text: event.data.visible && event.data.focused ? 'Came to the page' : 'Left the page', detail: null };
    default:
      return null;
  }
}

/** What a call of a model took and gave; of an agent's own the price may not be known. */
function tokenWords({
  promptTokens,
  completionTokens,
  costUsd,
}: {
  promptTokens: number;
  completionTokens: number;
  costUsd: number | null;
}) {
  const price = costUsd === null ? 'at no known price' : `$${costUsd.toFixed(4)}`;
  return `${promptTokens} tokens in, ${completionTokens} out, ${price}`;
}

/** Peers that the sample before did not have: a connection that lasts is one row. */
function addPeers(index: IndexedEvents, event: Extract<RecordedEvent, { type: 'network.sample' }>): void {
  const peers = event.data.peers.map(({ address, port, name }) => `${name ?? address}:${port}`);
  const before = new Set(index.peers);
  for (const peer of new Set(peers))
    if (!before.has(peer)) push(index, event, { kind: 'network', text: `Connected to ${peer}`, detail: null });
  index.peers = peers;
}

/** Puts the rows in order of time, and of each kind keeps the newest. */
export function boundActivity(index: IndexedEvents): void {
  index.activityRows.sort((a, b) => a.atMs - b.atMs || a.seq - b.seq);
  const over = new Map<ActivityKind, number>();
  for (const { kind } of index.activityRows) over.set(kind, (over.get(kind) ?? -ACTIVITY_KEPT) + 1);
  index.activityRows = index.activityRows.filter(({ kind }) => {
    const more = over.get(kind) ?? 0;
    over.set(kind, more - 1);
    if (more > 0) index.activityOmitted[kind] = (index.activityOmitted[kind] ?? 0) + 1;
    return more <= 0;
  });
}

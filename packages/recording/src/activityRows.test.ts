import { type RecordedEvent, SEALED_TYPES } from '@plumbline/protocol';
import { describe, expect, it } from 'vitest';
import { ACTIVITY_KEPT } from './activityRows.ts';
import { exampleEvents, laterEvents } from './exampleEvents.fixture.ts';
import { emptyIndex, IndexBuilder, indexEvents } from './indexBuilder.ts';
import { IndexedEvents } from './recordingIndex.ts';

const TAB = '00000000-0000-4000-8000-00000000000a';
const HASH = 'ab'.repeat(32);
const event = (seq: number, type: string, data: unknown) => ({ seq, atMs: seq * 1_000, type, stream: 0, data }) as RecordedEvent;
const paste = (seq: number, text?: string) =>
  event(seq, 'clipboard.paste', { tab: TAB, target: 'terminal:2', length: 12, hash: HASH, ...(text === undefined ? {} : { text }) });
const call = (seq: number) =>
  event(seq, 'model.call', {
    asker: 'participant',
    model: 'gpt',
    status: 200,
    promptTokens: 9,
    completionTokens: 3,
    costUsd: 0.01,
    leftUsd: 1,
    durationMs: 5,
    request: {},
    response: {},
  });
const peers = (seq: number, ...addresses: string[]) =>
  event(seq, 'network.sample', { receivedBytes: 1, sentBytes: 1, peers: addresses.map((address) => ({ address, port: 443 })) });

describe('the activity in an index', () => {
  it('tells pastes, copies, files, ports, peers, calls of models and tools, and where the participant looked, each at its moment', async () => {
    const index = await indexEvents([
      paste(1, 'pip install torch'),
      event(2, 'clipboard.copy', { tab: TAB, target: 'editor:train.py', length: 1, hash: HASH }),
      event(3, 'file.transferred', { tab: TAB, direction: 'download', path: 'model.pt', size: 3 * 1024 ** 2 }),
      event(4, 'port.opened', { port: 8080, path: '/plots' }),
      peers(5, '10.0.0.1'),
      call(6),
      event(7, 'agent.asked', { n: 1, model: 'own', promptTokens: 9, completionTokens: 3, costUsd: null, durationMs: 5 }),
      event(8, 'agent.called', { call: 'a', n: 1, tool: 'bash', arguments: { command: 'ls' } }),
      event(9, 'agent.returned', { call: 'a', durationMs: 5, result: 'train.py' }),
      event(10, 'agent.returned', { call: 'b', durationMs: 5, error: 'cut off' }),
      event(11, 'focus.panel', { tab: TAB, panel: 'terminal:1' }),
      event(12, 'focus.page', { tab: TAB, visible: true, focused: false }),
    ]);
    expect(IndexedEvents.parse(index).activityRows.map(({ atMs, kind, text, detail }) => [atMs, kind, text, detail])).toEqual([
      [1_000, 'paste', 'Paste of 12 characters into terminal 2', 'pip install torch'],
      [2_000, 'copy', 'Copy of 1 character from train.py', null],
      [3_000, 'transfer', 'Download of model.pt, 3 MiB', null],
      [4_000, 'port', 'Opened port 8080/plots', null],
      [5_000, 'network', 'Connected to 10.0.0.1:443', null],
      [6_000, 'model', 'Call of gpt: 9 tokens in, 3 out, $0.0100', null],
      [7_000, 'model', 'Call of own by the agent: 9 tokens in, 3 out, at no known price', null],
      [8_000, 'tool', 'Call of the tool bash', '{"command":"ls"}'],
      [10_000, 'tool', 'A tool did not give back all', 'cut off'],
      [11_000, 'focus', 'Went to terminal 1', null],
      [12_000, 'focus', 'Left the page', null],
    ]);
  });

  it('has one row for a connection that lasts, also where the index is taken up again amid it', async () => {
    const first = await indexEvents([peers(1, '10.0.0.1'), peers(2, '10.0.0.1', '10.0.0.2')]);
    const next = new IndexBuilder(first);
    for (const later of [peers(3, '10.0.0.2'), peers(4, '10.0.0.1', '10.0.0.2')]) next.add(later);
    expect(next.take().activityRows.map(({ seq, text }) => [seq, text])).toEqual([
      [1, 'Connected to 10.0.0.1:443'],
      [2, 'Connected to 10.0.0.2:443'],
      [4, 'Connected to 10.0.0.1:443'],
    ]);
  });

  it('keeps the newest of each kind, so that a script which calls a model all day crowds out no paste, and says how many it left out', async () => {
    const builder = new IndexBuilder(emptyIndex());
    builder.add(paste(1, 'x'.repeat(100_000)));
    for (let seq = 2; seq < ACTIVITY_KEPT + 10; seq += 1) builder.add(call(seq));
    builder.take();
    for (let seq = ACTIVITY_KEPT + 10; seq < ACTIVITY_KEPT + 12; seq += 1) builder.add(call(seq));
    const { activityRows, activityOmitted } = builder.take();
    expect(activityRows).toHaveLength(ACTIVITY_KEPT + 1);
    expect([activityRows[0]?.kind, activityRows[1]?.seq, activityRows.at(-1)?.seq]).toEqual(['paste', 12, ACTIVITY_KEPT + 11]);
    expect(activityOmitted).toEqual({ model: 10 });
    expect(activityRows[0]?.detail?.length).toBeLessThan(1_000);
  });

  it('loses what a seal withholds, whichever comes first, and keeps the rest', async () => {
    const seal = (seq: number) => event(seq, 'recording.sealed', { n: 1, fromMs: 0, toMs: 10_000, reason: 'a password' });
    const port = event(3, 'port.opened', { port: 80, path: '/' });
    for (const events of [
      [paste(1, 'secret'), call(2), port, seal(4)],
      [seal(4), { ...paste(5, 'secret'), atMs: 1_000 }, { ...call(6), atMs: 2_000 }, { ...port, seq: 7 }],
    ])
      expect((await indexEvents(events)).activityRows.map(({ kind }) => kind)).toEqual(['port']);
  });

  it('has of every kind of event a row that a seal withholds just where it withholds the event', async () => {
    const seal = event(1, 'recording.sealed', { n: 1, fromMs: 0, toMs: 10_000, reason: 'a password' });
    const sealed = new Set<string>(SEALED_TYPES);
    const told = new Set<string>();
    for (const { type, stream, data } of [...exampleEvents(0), ...laterEvents(0)]) {
      const happened = { seq: 2, atMs: 1_000, type, stream, data } as RecordedEvent;
      const { activityRows: rows } = await indexEvents([happened]);
      const { activityRows: left } = await indexEvents([happened, { ...seal, seq: 3 }]);
      expect(left, type).toEqual(sealed.has(type) ? [] : rows);
      if (rows.length > 0) told.add(type);
    }
    expect([...told].filter((type) => sealed.has(type)).sort()).toEqual([
      'agent.asked',
      'agent.called',
      'agent.returned',
      'clipboard.copy',
      'clipboard.paste',
      'model.call',
    ]);
  });
});

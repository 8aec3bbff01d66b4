import type { RecordedEvent } from '@plumbline/protocol';
import { describe, expect, it } from 'vitest';
import { IndexBuilder, indexEvents } from './indexBuilder.ts';
import { IndexedEvents } from './recordingIndex.ts';
import { bundlesOf } from './snapshotChain.ts';

const clock = (seq: number, atMs: number, event: Record<string, unknown>) =>
  ({ seq, atMs, type: 'clock.event', stream: 0, data: { n: seq, event } }) as RecordedEvent;

describe('the index of a recording', () => {
  it('is empty for an empty one', async () => {
    const index = await indexEvents([]);
    expect(IndexedEvents.parse(index)).toMatchObject({ lastSeq: 0, fromMs: 0, toMs: 0 });
  });

  it('begins at the earliest event, also where that one arrived late', async () => {
    const index = await indexEvents([clock(1, 50_000, { kind: 'started' }), clock(2, 20_000, { kind: 'adjusted' })]);
    expect([index.fromMs, index.toMs, index.lastSeq]).toEqual([20_000, 50_000, 2]);
    expect(index.activity.counts).toEqual([1, 0, 0, 1]);
  });

  it('counts no activity decades from the beginning, where a source lied about its clock', async () => {
    const index = await indexEvents([
      clock(1, 0, { kind: 'started' }),
      clock(2, 10_000, { kind: 'adjusted' }),
      clock(3, 1.8e12, { kind: 'paused' }),
    ]);
    expect(index.activity.counts).toEqual([1, 1]);
  });

  it('knows of each terminal where its screen can be drawn from, and how far that reaches', async () => {
    const place = (seq: number, type: string, stream: number) => ({ seq, atMs: seq, type, stream, data: { cols: 80, rows: 24 } }) as never;
    const index = await indexEvents([
      place(1, 'terminal.opened', 1),
      place(2, 'terminal.opened', 2),
      place(3, 'terminal.output', 1),
      place(4, 'terminal.keyframe', 2),
      place(5, 'terminal.output', 2),
      place(6, 'terminal.input', 1),
      place(7, 'terminal.resized', 2),
    ]);
    expect(index.screens).toEqual([
      { terminal: 1, seq: 1, atMs: 1, untilSeq: 3 },
      { terminal: 2, seq: 2, atMs: 2, untilSeq: 2 },
      { terminal: 2, seq: 4, atMs: 4, untilSeq: 7 },
    ]);
  });

  it('shades a pause from its start to whatever ended it, and leaves an open one open', async () => {
    const index = await indexEvents([
      clock(1, 0, { kind: 'started' }),
      clock(2, 10, { kind: 'paused', reason: 'break' }),
      clock(3, 15, { kind: 'adjusted', creditMs: 5, reason: 'x' }),
      clock(4, 20, { kind: 'resumed' }),
      clock(5, 30, { kind: 'paused', reason: 'absent' }),
    ]);
    expect(index.pauses).toEqual([
      { fromMs: 10, toMs: 20, reason: 'break' },
      { fromMs: 30, toMs: null, reason: 'absent' },
    ]);
  });

  it('has a marker for a setup that was laid, and its files among the changed ones', async () => {
    const file = { path: '.vimrc', size: 3, hash: 'ab'.repeat(32), text: 'set' };
    const data = { hash: 'cd'.repeat(32), keymap: 'vim', files: [file], omitted: [] };
    const index = await indexEvents([{ seq: 1, atMs: 5, type: 'setup.applied', stream: 0, data }]);
    expect(IndexedEvents.parse(index).markers.map(({ kind, label }) => [kind, label])).toEqual([
      ['setup', 'Setup laid: .vimrc; keymap vim'],
    ]);
    expect(index.files).toEqual([{ seq: 1, atMs: 5, op: 'created', path: '.vimrc', to: null, size: 3 }]);
  });

  it('carries scores with the elapsed time at which they were asked for, and their place on the scale', async () => {
    const events = [
      { seq: 1, atMs: 5, type: 'score.requested', stream: 0, data: { scoreId: 's', n: 1, trigger: 'participant', elapsedMs: 77 } },
      {
        seq: 2,
        atMs: 9,
        type: 'score.finished',
        stream: 0,
        data: { scoreId: 's', n: 1, trigger: 'participant', status: 'scored', score: 4, message: null, durationMs: 4 },
      },
    ] as RecordedEvent[];
    const index = await indexEvents(events);
    expect(index.scores[0]).toMatchObject({ elapsedMs: 77, score: 4, normalised: null });
    expect(index.markers.map((marker) => marker.label)).toEqual(['Score 1: 4']);
  });

  it('knows which snapshots can be had: not those that rest on a bundle that was lost, but one that stands alone after it', async () => {
    const taken = (commit: string, bundle: string | undefined, base?: string | null) =>
      ['snapshot.taken', { cause: 'save', tree: 't', commit, bundle, base, files: 1, bytes: 1, skipped: [] }] as const;
    const lost = ['blob.lost', { hash: 'lost', bytes: 2 ** 31, reason: 'too_large' }] as const;
    const events = [
      // As older recordings have them: each builds on the one before.
      taken('a', 'bundle a'),
      taken('b', 'bundle b'),
      taken('b', undefined),
      taken('c', 'lost', 'b'),
      taken('d', 'bundle d', 'c'),
      lost,
      taken('e', 'bundle e', null),
      taken('f', 'bundle f', 'e'),
      // Taken again by a runner whose first one was never recorded.
      taken('g', 'bundle g', 'b'),
    ].map(([type, data], at) => ({ seq: at + 1, atMs: at, stream: 0, type, data }) as unknown as RecordedEvent);
    const index = await indexEvents(events);
    expect(index.snapshots.map(({ commit, whole }) => `${commit} ${whole}`)).toEqual([
      'a true',
      'b true',
      'b true',
      'c false',
      'd false',
      'e true',
      'f true',
      'g true',
    ]);
    expect(['b', 'd', 'f', 'g', 'x'].map((commit) => bundlesOf(index, commit))).toEqual([
      ['bundle a', 'bundle b'],
      null,
      ['bundle e', 'bundle f'],
      ['bundle a', 'bundle b', 'bundle g'],
      null,
    ]);
    expect(index.markers.filter(({ kind }) => kind === 'gap').map(({ label }) => label)).toEqual([
      'Gap: a copy of files (2.0 GiB) is too large to be stored',
    ]);
    // Taken up again where it ended, it knows the same.
    const builder = new IndexBuilder(await indexEvents(events.slice(0, 5)));
    for (const event of events.slice(5)) builder.add(event);
    expect(builder.take()).toEqual(index);
  });

  it('ends a command with its terminal, or with its machine where another takes its place, and says that this one was lost', async () => {
    const at = (seq: number, type: string, stream: number, data: object) =>
      ({ seq, atMs: seq * 10, type, stream, data }) as unknown as RecordedEvent;
    const attached = (seq: number, tab: string, role = 'runner') => at(seq, 'connection.attached', 0, { tab, role });
    const opened = (seq: number, terminal: number) =>
      at(seq, 'terminal.opened', terminal, { cols: 80, rows: 24, term: 'x', shell: 'bash' });
    const events = [
      attached(1, 'one'),
      opened(2, 1),
      opened(3, 2),
      at(4, 'command.started', 1, { text: 'make', directory: '/' }),
      at(5, 'command.started', 2, { text: 'exit', directory: '/' }),
      at(6, 'terminal.closed', 2, { exitCode: 0, signal: null }),
      // The same runner dials again, and so does a tab.
      attached(7, 'one'),
      attached(8, 'a tab', 'participant'),
      attached(9, 'two'),
      opened(10, 3),
      at(11, 'command.started', 3, { text: 'top', directory: '/' }),
    ];
    const index = await indexEvents(events);
    expect(index.terminals.map(({ terminal, closedAtMs }) => [terminal, closedAtMs])).toEqual([
      [1, 90],
      [2, 60],
      [3, null],
    ]);
    expect(index.commands.map(({ text, endAtMs, exitCode, lost }) => [text, endAtMs, exitCode, lost])).toEqual([
      ['make', 90, null, true],
      ['exit', 60, null, false],
      ['top', null, null, false],
    ]);
    for (let cut = 1; cut < events.length; cut++) {
      const builder = new IndexBuilder(await indexEvents(events.slice(0, cut)));
      for (const event of events.slice(cut)) builder.add(event);
      expect(builder.take(), `taken up again after ${cut} events`).toEqual(index);
    }
  });

  it('has a terminal by the name that it was given last, and marks when', async () => {
    const opened = { cols: 80, rows: 24, term: 'xterm', shell: '/bin/bash' };
    const events = [
      ['terminal.opened', opened],
      ['terminal.renamed', { name: 'training' }],
    ].map(([type, data], at) => ({ seq: at + 1, atMs: at, stream: 1, type, data }) as unknown as RecordedEvent);
    const { terminals, markers } = await indexEvents(events);
    expect(terminals.map(({ name }) => name)).toEqual(['training']);
    expect(markers.map(({ label }) => label)).toEqual(['Terminal 1 opened', 'Terminal 1 renamed training']);
  });

  it('says what is marked in plain words, with no code of the log', async () => {
    const hash = 'ab'.repeat(32);
    const scored = { scoreId: 's', n: 2, trigger: 'participant', status: 'invalid_submission', score: null, message: null, durationMs: 4 };
    const captured = { scoreId: 's', hash, bytes: 1, packages: [] };
    const gap = { source: 'tab:t', from: 1, to: 1, reason: 'malformed' };
    const events = [
      ['score.finished', scored],
      ['submission.captured', { ...captured, files: 1 }],
      ['submission.captured', { ...captured, files: 2 }],
      ['snapshot.taken', { cause: 'periodic', tree: 't', commit: 'c', files: 1, bytes: 1, skipped: [] }],
      ['clipboard.paste', { tab: 't', target: 'terminal:2', length: 1, hash }],
      ['clipboard.paste', { tab: 't', target: 'editor:solution/a.py', length: 7, hash }],
      ['connection.gap', gap],
      ['clock.event', { n: 1, event: { kind: 'paused', reason: 'awaiting_staff' } }],
    ].map(([type, data], at) => ({ seq: at + 1, atMs: at, stream: 0, type, data }) as unknown as RecordedEvent);
    expect((await indexEvents(events)).markers.map(({ label }) => label)).toEqual([
      'Score 2: the submission is not valid',
      'Submission captured, 1 file',
      'Submission captured, 2 files',
      'Snapshot taken regularly',
      'Paste of 1 character into terminal 2',
      'Paste of 7 characters into solution/a.py',
      'Gap: a page sent what cannot be read',
      'Paused: waiting for staff',
    ]);
  });

  it('keeps the newest changes of files, and counts those that it does not name', async () => {
    const saved = (seq: number) => ({ seq, atMs: seq, stream: 0, type: 'editor.saved', data: { path: `f${seq}`, size: 1 } });
    const omitted = { seq: 5_004, atMs: 6_000, stream: 0, type: 'file.omitted', data: { count: 7 } };
    const events = [...Array.from({ length: 5_003 }, (_, n) => saved(n + 1)), omitted] as unknown as RecordedEvent[];
    const index = await indexEvents(events);
    expect([index.files.length, index.files[0]?.path]).toEqual([5_000, 'f4']);
    expect(index.filesOmitted).toEqual([
      { atMs: 6_000, count: 7 },
      { atMs: 3, count: 3 },
    ]);
  });

  it('takes nothing of what a seal withholds, also where that arrives after the seal', async () => {
    const command = (seq: number, atMs: number, text: string) => ({
      seq,
      atMs,
      stream: 1,
      type: 'command.started',
      data: { text, directory: '/' },
    });
    const events = [
      command(1, 1_000, 'before'),
      command(2, 2_000, 'secret'),
      { seq: 3, atMs: 4_000, stream: 0, type: 'recording.sealed', data: { n: 1, fromMs: 2_000, toMs: 3_000, reason: 'mine' } },
      command(4, 2_500, 'late secret'),
      { seq: 5, atMs: 2_600, stream: 0, type: 'editor.opened', data: { tab: 't', path: 'a.py', text: 'x' } },
      command(6, 3_000, 'after'),
      command(7, 2_999, 'last secret'),
    ] as unknown as RecordedEvent[];
    const index = await indexEvents(events);
    expect(index.commands.map(({ text }) => text)).toEqual(['before', null, 'after']);
    expect([index.editorBases, index.editorActive, index.lastSeq]).toEqual([[], [], 7]);
  });

  it('loses what a seal withholds of what it has taken: screens but that of the opening, texts of the editor and pastes', async () => {
    const at = (seq: number, stream: number, type: string, data: object) => ({ seq, atMs: 2_000 + seq, stream, type, data });
    const events = [
      at(1, 1, 'terminal.opened', { cols: 80, rows: 24, term: 'xterm', shell: 'bash' }),
      at(2, 1, 'terminal.keyframe', {}),
      at(3, 0, 'editor.opened', { tab: 't', path: 'a.py', text: 'x' }),
      at(4, 0, 'clipboard.paste', { tab: 't', target: 'terminal:1', length: 3 }),
      at(5, 0, 'recording.sealed', { n: 1, fromMs: 2_000, toMs: 3_000, reason: 'mine' }),
    ] as unknown as RecordedEvent[];
    const index = await indexEvents(events);
    expect(index.screens.map(({ seq }) => seq)).toEqual([1]);
    expect(index.editorBases).toEqual([]);
    expect(index.markers.map(({ kind }) => kind)).toEqual(['terminal', 'gap']);
  });
});

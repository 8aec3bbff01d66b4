import type { EventInput } from '@plumbline/protocol';

/** One of each kind of event that the golden recording holds, for tests. Ids and texts are placeholders; nobody did any of this. */
export function exampleEvents(baseMs: number): EventInput[] {
  const tab = '00000000-0000-4000-8000-000000000001';
  const hash = 'ab'.repeat(32);
  const tree = 'cd'.repeat(20);
  const path = 'solution.py';
  const events: Omit<EventInput, 'atMs'>[] = [
    { type: 'terminal.opened', stream: 1, data: { cols: 80, rows: 24, term: 'xterm-256color', shell: '/bin/bash', name: 'Terminal 1' } },
    { type: 'terminal.output', stream: 1, data: { offset: 0, bytes: Buffer.from('\x1b[1m$\x1b[0m ü🙂') } },
    { type: 'terminal.input', stream: 1, data: { tab, n: 1, bytes: Buffer.from('ls\r') } },
    { type: 'terminal.input', stream: 1, data: { tab, n: 2, hiddenBytes: 8 } },
    { type: 'terminal.input', stream: 1, data: { tab, n: 3, bytes: Buffer.of(0xff, 0x41), paste: true } },
    { type: 'terminal.resized', stream: 1, data: { cols: 120, rows: 30 } },
    { type: 'terminal.keyframe', stream: 1, data: { cols: 120, rows: 30, offset: 16, screen: '\x1b[H$ ' } },
    { type: 'terminal.closed', stream: 1, data: { exitCode: null, signal: 9 } },
    { type: 'editor.opened', stream: 0, data: { tab, path, hash, version: 1, text: 'a lone \ud800 surrogate' } },
    { type: 'editor.changed', stream: 0, data: { tab, path, version: 2, changes: [{ offset: 0, length: 1, text: 'b' }] } },
    { type: 'editor.text', stream: 0, data: { tab, path, version: 2, text: 'b\n' } },
    { type: 'editor.selection', stream: 0, data: { tab, path, anchor: 0, active: 1 } },
    { type: 'editor.closed', stream: 0, data: { tab, path } },
    { type: 'editor.saved', stream: 0, data: { tab, path, hash, size: 2 } },
    { type: 'file.changed', stream: 0, data: { op: 'renamed', path, to: 'old.py', size: 2, hash } },
    {
      type: 'snapshot.taken',
      stream: 0,
      data: {
        cause: 'save',
        tree,
        commit: tree,
        bundle: hash,
        files: 2,
        bytes: 99,
        skipped: [{ path: 'data', reason: 'too large', size: 5e9 }],
      },
    },
    {
      type: 'submission.captured',
      stream: 0,
      data: { scoreId: 's1', hash, bytes: 10, files: 1, packages: ['numpy==2.4.0'], hashAfter: hash },
    },
    { type: 'clipboard.paste', stream: 0, data: { tab, target: 'editor', length: 3, hash, text: 'abc' } },
    { type: 'clipboard.copy', stream: 0, data: { tab, target: 'terminal', length: 3, hash } },
    { type: 'focus.page', stream: 0, data: { tab, visible: true, focused: false } },
    { type: 'focus.panel', stream: 0, data: { tab, panel: 'editor' } },
    { type: 'score.requested', stream: 0, data: { scoreId: 's1', n: 1, trigger: 'participant', elapsedMs: 60_000 } },
    {
      type: 'score.finished',
      stream: 0,
      data: { scoreId: 's1', n: 1, trigger: 'participant', status: 'scored', score: 0.1, message: { correct: true }, durationMs: 900 },
    },
    {
      type: 'score.details',
      stream: 0,
      data: { scoreId: 's1', details: [1, null], output: 'ok', scorerHash: hash, hashBefore: hash, hashAfter: hash },
    },
    { type: 'clock.event', stream: 0, data: { n: 1, event: { kind: 'started' } } },
    { type: 'note.written', stream: 0, data: { n: 1, text: 'tried blocking', elapsedMs: 61_000 } },
    { type: 'message.sent', stream: 0, data: { from: 'staff', text: 'hello' } },
    { type: 'connection.attached', stream: 0, data: { tab, role: 'participant' } },
    { type: 'connection.detached', stream: 0, data: { tab, role: 'participant', code: 1001 } },
    { type: 'connection.resumed', stream: 0, data: { tab, resentFrom: 4 } },
    { type: 'connection.latency', stream: 0, data: { tab, roundTripMs: 12.5 } },
    { type: 'connection.gap', stream: 0, data: { source: `tab:${tab}`, from: 5, to: 6, reason: 'journal lost' } },
    { type: 'resource.sample', stream: 0, data: { cpuMs: 10, memoryBytes: 1e6, diskBytes: 2e6, processes: 3 } },
    { type: 'resource.sample', stream: 0, data: { cpuMs: 20, gpus: [{ index: 0, usePercent: 97, memoryBytes: 8e10 }] } },
    { type: 'command.started', stream: 1, data: { text: 'python train.py; echo ü', directory: '/home/agent' } },
    { type: 'command.finished', stream: 1, data: { exitCode: 1, durationMs: 1250.5 } },
    { type: 'file.omitted', stream: 0, data: { count: 1200 } },
    { type: 'network.sample', stream: 0, data: { receivedBytes: 5e6, sentBytes: 1e4, peers: [{ address: '192.0.2.1', port: 443 }] } },
    {
      type: 'model.call',
      stream: 0,
      data: {
        asker: 'participant',
        model: 'a-model',
        status: 200,
        promptTokens: 12,
        completionTokens: 7,
        costUsd: 0.0001,
        leftUsd: 4.9999,
        durationMs: 800,
        request: { messages: [{ role: 'user', content: 'hello' }] },
        response: { choices: [] },
      },
    },
  ];
  return events.map((event, i) => ({ ...event, atMs: baseMs + i * 10.5 }) as EventInput);
}

/** One of each kind that was added after the golden recording was made, which stays as it is. */
export function laterEvents(baseMs: number): EventInput[] {
  const tab = '00000000-0000-4000-8000-000000000001';
  return [
    {
      type: 'file.transferred',
      stream: 0,
      atMs: baseMs,
      data: { tab, direction: 'upload', path: 'data.csv', size: 7, hash: 'ab'.repeat(32) },
    },
    { type: 'port.opened', stream: 0, atMs: baseMs + 1, data: { port: 6006, path: '/' } },
    { type: 'ai_use.noted', stream: 0, atMs: baseMs + 10.5, data: { n: 2, text: 'asked a model about tiling', elapsedMs: 62_000 } },
    {
      type: 'setup.applied',
      stream: 0,
      atMs: baseMs + 15,
      data: {
        hash: 'cd'.repeat(32),
        keymap: 'vim',
        files: [{ path: '.vimrc', size: 11, hash: 'ab'.repeat(32), text: 'set number\n' }],
        omitted: [{ path: '.bashrc', reason: 'the environment has a file of this name' }],
      },
    },
    { type: 'issue.reported', stream: 0, atMs: baseMs + 21, data: { n: 1, text: 'the index of packages does not answer' } },
    {
      type: 'recording.sealed',
      stream: 0,
      atMs: baseMs + 30,
      data: { n: 1, fromMs: baseMs - 120_000, toMs: baseMs + 30, reason: 'a password of my own was on the screen' },
    },
    {
      type: 'snapshot.taken',
      stream: 0,
      atMs: baseMs + 35,
      data: {
        cause: 'save',
        tree: '1'.repeat(40),
        commit: '2'.repeat(40),
        bundle: 'ab'.repeat(32),
        base: '3'.repeat(40),
        files: 2,
        bytes: 12,
        skipped: [],
      },
    },
    { type: 'blob.lost', stream: 0, atMs: baseMs + 40, data: { hash: 'ab'.repeat(32), bytes: 70_000_000_000, reason: 'too_large' } },
    {
      type: 'snapshot.taken',
      stream: 0,
      atMs: baseMs + 45,
      data: {
        cause: 'periodic',
        tree: '1'.repeat(40),
        commit: '2'.repeat(40),
        files: 2,
        bytes: 12,
        skipped: [{ path: 'pipe', reason: 'not a file, folder or link' }],
        skippedCount: 301,
      },
    },
    { type: 'terminal.renamed', stream: 2, atMs: baseMs + 46, data: { name: 'training' } },
    {
      type: 'agent.asked',
      stream: 0,
      atMs: baseMs + 50,
      data: {
        n: 1,
        model: 'a-model',
        promptTokens: 1200,
        completionTokens: 80,
        costUsd: null,
        durationMs: 2400.5,
        request: { messages: [{ role: 'user', content: 'hello' }] },
        response: { choices: [] },
      },
    },
    { type: 'agent.called', stream: 0, atMs: baseMs + 51, data: { call: 'call-1', n: 1, tool: 'bash', arguments: { command: 'ls' } } },
    {
      type: 'agent.returned',
      stream: 0,
      atMs: baseMs + 60,
      data: { call: 'call-1', durationMs: 9, result: 'solution.py', error: 'cut off' },
    },
  ];
}

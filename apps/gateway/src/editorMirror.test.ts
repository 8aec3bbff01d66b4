import type { EventInput } from '@plumbline/protocol';
import { describe, expect, it } from 'vitest';
import { EditorMirror } from './editorMirror.ts';

const tab = '00000000-0000-4000-8000-000000000001';
type EditorEvent = Extract<EventInput, { type: `editor.${string}` }>;

const opened = (path: string, text: string): EditorEvent => ({
  type: 'editor.opened',
  stream: 0,
  atMs: 1,
  data: { tab, path, hash: 'a'.repeat(64), version: 1, text },
});
const changed = (path: string, version: number): EditorEvent => ({
  type: 'editor.changed',
  stream: 0,
  atMs: 2,
  data: { tab, path, version, changes: [] },
});

describe('EditorMirror', () => {
  it('gives who joins late every open file from its last full text on, the one touched last at the end', () => {
    const mirror = new EditorMirror();
    mirror.take(opened('a.py', 'one'));
    mirror.take(opened('b.py', 'two'));
    mirror.take(changed('a.py', 2));
    mirror.take({ type: 'editor.text', stream: 0, atMs: 3, data: { tab, path: 'b.py', version: 9, text: 'whole' } });
    mirror.take(changed('a.py', 3));
    expect(mirror.events().map((event) => `${event.type} ${event.data.path}`)).toEqual([
      'editor.text b.py',
      'editor.opened a.py',
      'editor.changed a.py',
      'editor.changed a.py',
    ]);
  });

  it('forgets a file that was closed', () => {
    const mirror = new EditorMirror();
    mirror.take(opened('a.py', 'one'));
    mirror.take({ type: 'editor.closed', stream: 0, atMs: 2, data: { tab, path: 'a.py' } });
    mirror.take(changed('a.py', 2));
    expect(mirror.events()).toEqual([]);
  });
});

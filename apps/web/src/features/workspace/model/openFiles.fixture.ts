import { createHash } from 'node:crypto';
import { AppError } from '@plumbline/core';
import { EDITOR_FILE_MAX_BYTES } from '@plumbline/protocol';
import type { Ask } from './ask.ts';
import type { Draft } from './draftStore.ts';
import type { MonacoApi } from './monaco.ts';
import { OpenFiles } from './openFiles.ts';
import { SteppedTime } from './steppedTime.fixture.ts';

export const PATH = 'solution/train.py';
export const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

/** A text as Monaco keeps it, as far as open files need one: places are offsets on one line. */
class Text {
  private readonly listeners = new Set<(event: object) => void>();
  private readonly versions = new Map<string, number>();
  private changes = 1;
  private disposed = false;
  private value: string;
  language = 'plaintext';

  constructor(value: string) {
    this.value = value;
    this.versions.set(value, 1);
  }

  getValue = () => this.value;
  getValueLength = () => this.value.length;
  getVersionId = () => this.changes;
  /** The same for the same text, as it is in Monaco after undo. */
  getAlternativeVersionId = () => this.versions.get(this.value) ?? 0;
  isDisposed = () => this.disposed;
  dispose = () => {
    this.disposed = true;
  };
  pushStackElement = () => {};
  getPositionAt = (offset: number) => ({ lineNumber: 1, column: offset + 1 });
  getFullModelRange = () => ({ startColumn: 1, endColumn: this.value.length + 1 });

  onDidChangeContent(listener: (event: object) => void) {
    this.listeners.add(listener);
    return { dispose: () => this.listeners.delete(listener) };
  }

  pushEditOperations(_: unknown, edits: { range: { startColumn: number; endColumn: number }; text: string }[]) {
    for (const { range, text } of edits) this.put(range.startColumn - 1, range.endColumn - range.startColumn, text);
  }

  type(text: string) {
    this.put(this.value.length, 0, text);
  }

  private put(rangeOffset: number, rangeLength: number, text: string) {
    this.value = this.value.slice(0, rangeOffset) + text + this.value.slice(rangeOffset + rangeLength);
    this.changes += 1;
    if (!this.versions.has(this.value)) this.versions.set(this.value, this.changes);
    const changes = [{ rangeOffset, rangeLength, text }];
    for (const listener of [...this.listeners]) listener({ changes, versionId: this.changes, isFlush: false, isEolChange: false });
  }
}

const monaco = {
  editor: {
    createModel: (text: string, language: string) => Object.assign(new Text(text), { language }),
    setModelLanguage: (model: Text, language: string) => Object.assign(model, { language }),
    EndOfLinePreference: { TextDefined: 0 },
  },
  languages: { getLanguages: () => [{ id: 'python', extensions: ['.py'] }] },
} as unknown as MonacoApi;

type Shared = { editing: boolean; text: string | null; baseHash: string | null; from: string | null; takenOver: string[] };

/** A tab's open files over a disk that answers when it is let to. */
export function tabWith(
  disk: Record<string, string>,
  {
    shared = {} as Partial<Shared>,
    drafts = [] as Draft[],
    unsaved = [] as { path: string; edited: boolean }[],
    autoSave = false,
    /** What an earlier page of the tab had open, or the very text that it kept. */
    before = null as { paths: string[]; active: string | null } | string | null,
  } = {},
) {
  const files = new Map(Object.entries(disk));
  const writtenMs = new Map<string, number>();
  const asked: { act: string; path: string; text?: string | null }[] = [];
  const events: { type: string; path: string }[] = [];
  const kept = new Map(drafts.map((draft) => [draft.path, draft]));
  const time = new SteppedTime();
  let draftsWritten = 0;
  let gate: Promise<void> | null = null;
  let gated = '';
  let now = shared;
  let open = () => {};
  let isAway = false;
  let losesAnswers = false;
  const answers: Record<string, (args: { path: string; text: string; baseHash: string | null }) => object> = {
    'file.read': ({ path }) => {
      const text = files.get(path);
      if (text === undefined) throw new AppError('not_found', 'There is no such file or folder.');
      const partial = text.length > EDITOR_FILE_MAX_BYTES;
      const given = text.slice(0, EDITOR_FILE_MAX_BYTES);
      return { text: given.includes('\0') ? null : given, hash: sha256(text), size: text.length, modifiedMs: writtenMs.get(path), partial };
    },
    'file.range': ({ path }) => {
      const text = files.get(path);
      if (text === undefined) throw new AppError('not_found', 'There is no such file or folder.');
      return { data: '', size: text.length, modifiedMs: writtenMs.get(path) };
    },
    'language.source': ({ path }) => {
      const text = files.get(path);
      if (text === undefined) throw new AppError('not_found', 'This file of a library is not open any more.');
      return { text, hash: sha256(text), size: text.length, partial: false };
    },
    'file.write': ({ path, text, baseHash }) => {
      const before = files.get(path);
      if ((before === undefined ? null : sha256(before)) !== baseHash) throw new AppError('conflict', 'The file was changed on disk.');
      files.set(path, text);
      return { hash: sha256(text), size: text.length };
    },
    'document.open': () => ({ editing: true, text: null, baseHash: null, from: null, ...now }),
    'document.keep': () => ({ kept: true }),
    'document.close': () => ({}),
    'document.unsaved': () => ({ documents: unsaved }),
  };
  const ask = (async (act: string, args: { path: string; text: string; baseHash: string | null }) => {
    asked.push({ act, path: args.path, ...('text' in args ? { text: args.text } : {}) });
    if (isAway) throw new AppError('unavailable', 'Not connected.');
    const answer = answers[act]?.(args);
    if (act === gated) await gate;
    if (losesAnswers) throw new AppError('unavailable', 'The server did not answer in time.');
    return answer;
  }) as unknown as Ask;
  let listed: string | null = null;
  const opened = new OpenFiles({
    attemptId: 'attempt',
    tab: 'here',
    monaco,
    ask,
    offer: (type, data) => void events.push({ type, path: (data as { path: string }).path }),
    drafts: {
      put: async (draft) => {
        draftsWritten += 1;
        kept.set(draft.path, draft);
      },
      get: async (_, path) => kept.get(path),
      delete: async (_, path, ofTab) => {
        if (ofTab === undefined || kept.get(path)?.tab === ofTab) kept.delete(path);
      },
      paths: async () => [...kept.keys()],
      flush() {},
    },
    time,
    outputBytes: () => 0,
    openList: {
      keep: (list) => {
        listed = list;
      },
      last: async () => (before === null || typeof before === 'string' ? before : JSON.stringify(before)),
    },
    savesByItself: () => autoSave,
  });
  const tell = (path: string) => {
    const text = files.get(path) ?? '';
    const size = text.length;
    opened.onDiskChanged(path, size > EDITOR_FILE_MAX_BYTES ? { size } : { size, hash: sha256(text) });
  };
  const file = (path = PATH) => {
    const found = opened.store.get().files.find((one) => one.path === path);
    if (!found) throw new Error(`${path} is not open`);
    return found;
  };
  return {
    opened,
    files,
    asked,
    events,
    kept,
    time,
    file,
    /** Without its model, of whose text a difference would fill the screen. */
    shown: (path = PATH) => ({ ...file(path), model: null }),
    text: (path = PATH) => file(path).model?.getValue() ?? null,
    type: (text: string, path = PATH) => (file(path).model as unknown as Text).type(text),
    /** From now on this is done when it is asked for, and answered once `release` is called. */
    hold: (act: 'file.read' | 'file.write', { releases = false } = {}) => {
      if (releases) open();
      gated = act;
      gate = new Promise((resolve) => {
        open = resolve;
      });
    },
    release: async () => {
      gate = null;
      open();
      await time.step(0);
    },
    /** Who edits, and what is not saved, as the gateway says from now on. */
    share: (said: Partial<Shared>) => {
      now = said;
    },
    goAway: (away = true) => {
      isAway = away;
    },
    /** From now on everything is done, and nobody hears of it. */
    loseAnswers: (loses = true) => {
      losesAnswers = loses;
    },
    /** A program writes a file, and the watch tells of it: of a large one without its hash. */
    write: async (text: string, path = PATH) => {
      files.set(path, text);
      writtenMs.set(path, time.wallMs());
      tell(path);
      await time.step(1);
    },
    /** A program deletes a file, and the watch tells of it. */
    remove: async (path = PATH) => {
      files.delete(path);
      opened.onDiskChanged(path);
      await time.step(1_000);
    },
    /** The watch tells of a file once more, as of news that comes late. */
    tellAgain: async (path = PATH) => {
      tell(path);
      await time.step(1);
    },
    /** What the next page would open. */
    listed: () => (listed === null ? null : (JSON.parse(listed) as { paths: string[]; active: string | null })),
    draftsWritten: () => draftsWritten,
    reads: () => asked.filter(({ act }) => act === 'file.read').length,
  };
}

/** A file that is open before the test begins. */
export async function tabOn(text: string, options: Parameters<typeof tabWith>[1] = {}, path = PATH) {
  const tab = tabWith({ [path]: text }, options);
  await tab.opened.open(path);
  // What was read first has taken its share of the link.
  await tab.time.step(60_000);
  return tab;
}

export const LARGE = 'line\n'.repeat(EDITOR_FILE_MAX_BYTES / 4);

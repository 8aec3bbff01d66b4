import { createHash } from 'node:crypto';
import { AppError } from '@plumbline/core';
import { EDITOR_FILE_MAX_BYTES } from '@plumbline/protocol';
import { describe, expect, it } from 'vitest';
import type { Ask } from './ask.ts';
import type { MonacoApi } from './monaco.ts';
import { OpenFiles } from './openFiles.ts';
import type { Draft } from './outboxStore.ts';
import { SteppedTime } from './steppedTime.ts';

const PATH = 'solution/train.py';
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

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

type Shared = { editing: boolean; text: string | null; baseHash: string | null; from: string | null };

/** A tab's open files over a disk that answers when it is let to. */
function tabWith(disk: Record<string, string>, { shared = {} as Partial<Shared>, drafts = [] as Draft[] } = {}) {
  const files = new Map(Object.entries(disk));
  const writtenMs = new Map<string, number>();
  const asked: { act: string; path: string; text?: string | null }[] = [];
  const events: { type: string; path: string }[] = [];
  const kept = new Map(drafts.map((draft) => [draft.path, draft]));
  const time = new SteppedTime();
  let gate: Promise<void> | null = null;
  let gated = '';
  let open = () => {};
  let isAway = false;
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
    'file.write': ({ path, text, baseHash }) => {
      const before = files.get(path);
      if ((before === undefined ? null : sha256(before)) !== baseHash) throw new AppError('conflict', 'The file was changed on disk.');
      files.set(path, text);
      return { hash: sha256(text), size: text.length };
    },
    'document.open': () => ({ editing: true, text: null, baseHash: null, from: null, ...shared }),
    'document.keep': () => ({ kept: true }),
    'document.close': () => ({}),
  };
  const ask = (async (act: string, args: { path: string; text: string; baseHash: string | null }) => {
    asked.push({ act, path: args.path, ...('text' in args ? { text: args.text } : {}) });
    if (isAway) throw new AppError('unavailable', 'Not connected.');
    const answer = answers[act]?.(args);
    if (act === gated) await gate;
    return answer;
  }) as unknown as Ask;
  const remembered = new Map<string, string>();
  const opened = new OpenFiles({
    attemptId: 'attempt',
    tab: 'here',
    monaco,
    ask,
    offer: (type, data) => void events.push({ type, path: (data as { path: string }).path }),
    drafts: {
      put: async (draft) => void kept.set(draft.path, draft),
      get: async (_, path) => kept.get(path),
      delete: async (_, path) => void kept.delete(path),
    },
    time,
    remember: { getItem: (key) => remembered.get(key) ?? null, setItem: (key, value) => void remembered.set(key, value) },
    savesByItself: () => false,
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
    goAway: (away = true) => {
      isAway = away;
    },
    /** A program writes a file, and the watch tells of it: of a large one without its hash. */
    write: async (text: string, path = PATH) => {
      files.set(path, text);
      writtenMs.set(path, time.wallMs());
      tell(path);
      await time.step(1);
    },
    /** The watch tells of a file once more, as of news that comes late. */
    tellAgain: async (path = PATH) => {
      tell(path);
      await time.step(1);
    },
    reads: () => asked.filter(({ act }) => act === 'file.read').length,
  };
}

/** A file that is open before the test begins. */
async function tabOn(text: string, options: Parameters<typeof tabWith>[1] = {}, path = PATH) {
  const tab = tabWith({ [path]: text }, options);
  await tab.opened.open(path);
  // What was read first has taken its share of the link.
  await tab.time.step(60_000);
  return tab;
}

const LARGE = 'line\n'.repeat(EDITOR_FILE_MAX_BYTES / 4);

describe('a change on disk', () => {
  it('is shown where nothing is unsaved', async () => {
    const tab = await tabOn('one');
    await tab.write('two');
    expect([tab.text(), tab.file().dirty, tab.file().conflict]).toEqual(['two', false, 'none']);
  });

  it('leaves what is typed while it is read, as unsaved', async () => {
    const tab = await tabOn('one');
    tab.hold('file.read');
    await tab.write('two');
    tab.type(' mine');
    await tab.release();
    await tab.time.step(1_000);
    expect([tab.text(), tab.file().dirty, tab.file().conflict]).toEqual(['one mine', true, 'changed']);
    expect(tab.kept.get(PATH)).toMatchObject({ text: 'one mine', baseHash: sha256('one') });
  });

  it('does not bring back what was on disk before a save that came in between', async () => {
    const tab = await tabOn('one');
    tab.hold('file.read');
    tab.opened.onDiskChanged(PATH);
    await tab.time.step(0);
    tab.type(' mine');
    expect(await tab.opened.save(PATH)).toBe(true);
    await tab.release();
    await tab.time.step(1_000);
    expect([tab.text(), tab.file().dirty, tab.file().conflict]).toEqual(['one mine', false, 'none']);
    expect([tab.files.get(PATH), await tab.opened.save(PATH)]).toEqual(['one mine', true]);
  });

  it('is seen also where it is told while the file is being saved', async () => {
    const tab = await tabOn('one');
    tab.type(' mine');
    tab.hold('file.write');
    const saving = tab.opened.save(PATH);
    await tab.time.step(0);
    await tab.write('theirs');
    await tab.release();
    await saving;
    await tab.time.step(1_000);
    expect(tab.text()).toBe('theirs');
  });

  it('asks where something is unsaved, and no longer once the disk holds again what the edit began from', async () => {
    const tab = await tabOn('one');
    tab.type(' mine');
    await tab.write('two');
    expect([tab.text(), tab.file().conflict]).toEqual(['one mine', 'changed']);
    await tab.write('one');
    expect([tab.text(), tab.file().conflict]).toEqual(['one mine', 'none']);
  });

  it('says that a file is gone, and that it is back', async () => {
    const tab = await tabOn('one');
    tab.files.delete(PATH);
    tab.opened.onDiskChanged(PATH);
    await tab.time.step(1_000);
    expect([tab.text(), tab.file().conflict]).toEqual(['one', 'deleted']);
    await tab.write('one');
    expect(tab.file().conflict).toBe('none');
  });

  it('that comes each second reads a file of megabytes at most so often that its link stays free', async () => {
    const tab = await tabOn('x'.repeat(1024 * 1024));
    for (let second = 0; second < 40; second += 1) {
      await tab.write('y'.repeat(1024 * 1024 + second));
      await tab.time.step(1_000);
    }
    expect(tab.reads()).toBeLessThan(25);
    await tab.time.step(10_000);
    expect(tab.text() === tab.files.get(PATH)).toBe(true);
  });
});

describe('taking the file on disk', () => {
  it('keeps what is typed while it is read', async () => {
    const tab = await tabOn('one');
    tab.type(' mine');
    await tab.write('two');
    tab.hold('file.read');
    const taking = tab.opened.reload(PATH);
    await tab.time.step(0);
    tab.type(' and more');
    await tab.release();
    await taking;
    expect([tab.text(), tab.file().dirty, tab.file().conflict]).toEqual(['one mine and more', true, 'changed']);
  });

  it('gives way to a save that began while it is read', async () => {
    const tab = await tabOn('one');
    tab.type(' mine');
    tab.hold('file.read');
    const taking = tab.opened.reload(PATH);
    await tab.time.step(0);
    tab.hold('file.write', { releases: true });
    const saving = tab.opened.save(PATH);
    await taking;
    await tab.release();
    await saving;
    await tab.time.step(1_000);
    expect([tab.text(), tab.file().dirty, tab.files.get(PATH)]).toEqual(['one mine', false, 'one mine']);
  });

  it('saves both texts where both are wanted', async () => {
    const tab = await tabOn('one');
    tab.type(' mine');
    await tab.write('two');
    expect(await tab.opened.save(PATH)).toBe(false);
    expect(tab.file().conflict).toBe('save_refused');
    expect(await tab.opened.keepBoth(PATH)).toBe('solution/train.mine.py');
    expect([tab.text(), tab.file().dirty, tab.file().conflict]).toEqual(['two', false, 'none']);
    expect(tab.files.get('solution/train.mine.py')).toBe('one mine');
  });

  it('refuses to give up a text without a way back, and does so once a copy of it is saved', async () => {
    for (const [onDisk, words] of [
      ['\0binary', /binary/],
      [LARGE, /too large/],
    ] as const) {
      const tab = await tabOn('one');
      tab.type(' mine');
      await tab.write(onDisk);
      expect(tab.file().conflict).toBe('changed');
      await tab.opened.reload(PATH);
      expect(tab.text() === 'one mine').toBe(true);
      expect(tab.file().saveError).toMatch(words);
      await tab.opened.keepBoth(PATH);
      expect(tab.files.get('solution/train.mine.py')).toBe('one mine');
      expect(tab.shown()).toMatchObject({ dirty: false, saveError: null, conflict: 'none' });
      expect(tab.file().readOnlyReason).toMatch(words);
      await tab.time.step(1_000);
      expect(tab.kept.size).toBe(0);
    }
  });
});

describe('a file that becomes too large', () => {
  it('can no longer be edited, so that its first part never takes the place of the whole', async () => {
    const tab = await tabOn('short');
    await tab.write(LARGE);
    expect(tab.shown()).toMatchObject({ partial: true, dirty: false, size: LARGE.length });
    expect(tab.file().readOnlyReason).toMatch(/its first part/);
    tab.type('cut');
    expect(await tab.opened.save(PATH)).toBe(false);
    expect(tab.files.get(PATH) === LARGE).toBe(true);
  });

  it('is not editable either where another tab edited it until now', async () => {
    const tab = await tabOn('short', { shared: { editing: false } });
    await tab.write(LARGE);
    tab.opened.sharedChanged(PATH, { editing: true, text: null, baseHash: null, from: null });
    await tab.time.step(1_000);
    expect(tab.shown()).toMatchObject({ partial: true, edited: 'here' });
    expect(tab.file().readOnlyReason).toMatch(/its first part/);
  });

  it('is read again only when somebody asks, however often it grows', async () => {
    const tab = await tabOn(LARGE);
    const before = tab.reads();
    for (let second = 0; second < 30; second += 1) {
      await tab.write(`${LARGE}${second}`);
      await tab.time.step(1_000);
    }
    expect(tab.reads()).toBe(before);
    expect(tab.file().outdated).toBe(true);
    await tab.opened.reload(PATH);
    expect(tab.reads()).toBe(before + 1);
    expect(tab.shown()).toMatchObject({ outdated: false, size: LARGE.length + 2 });
  });

  it('is not outdated by news of what was read already, but by a change that leaves it as long as it was, until it is gone', async () => {
    const tab = await tabOn(LARGE);
    await tab.write(`${LARGE}a`);
    expect(tab.file().outdated).toBe(true);
    await tab.opened.reload(PATH);
    await tab.tellAgain();
    expect(tab.file().outdated).toBe(false);
    await tab.write(`${LARGE}b`);
    expect(tab.file().outdated).toBe(true);
    tab.files.delete(PATH);
    tab.opened.onDiskChanged(PATH);
    await tab.time.step(1);
    expect(tab.file().conflict).toBe('deleted');
    await tab.write(`${LARGE}c`);
    expect(tab.shown()).toMatchObject({ conflict: 'none', outdated: true });
  });

  it('is found to have grown while the connection was away, without being read', async () => {
    const tab = await tabOn(LARGE);
    const before = tab.reads();
    tab.opened.onDiskChanged(PATH);
    await tab.time.step(1_000);
    expect(tab.file().outdated).toBe(false);
    tab.files.set(PATH, `${LARGE}more`);
    tab.opened.onDiskChanged(PATH);
    await tab.time.step(1_000);
    expect([tab.file().outdated, tab.reads()]).toEqual([true, before]);
  });

  it('can be edited once it is short again', async () => {
    const tab = await tabOn(LARGE);
    await tab.write('short');
    expect(tab.shown()).toMatchObject({ partial: false, readOnlyReason: null });
    tab.type('er');
    expect(await tab.opened.save(PATH)).toBe(true);
    expect(tab.files.get(PATH)).toBe('shorter');
  });
});

describe('a file that is no text', () => {
  it('takes the place of one, and gives it back', async () => {
    const tab = await tabOn('text');
    await tab.write('\0binary');
    expect(tab.file()).toMatchObject({ model: null, dirty: false });
    expect(tab.file().readOnlyReason).toMatch(/binary/);
    await tab.write('text again');
    tab.type('!');
    expect(await tab.opened.save(PATH)).toBe(true);
    expect(tab.files.get(PATH)).toBe('text again!');
  });

  it('has another hash when a picture is drawn anew with the same size, and stays drawn meanwhile', async () => {
    const tab = await tabOn('\0one', {}, 'loss.png');
    const { hash } = tab.file('loss.png');
    const states: string[] = [];
    tab.opened.store.subscribe(() => states.push(tab.file('loss.png').state));
    await tab.write('\0two', 'loss.png');
    expect(tab.file('loss.png')).toMatchObject({ isImage: true, size: 4, hash: sha256('\0two') });
    expect(hash).toBe(sha256('\0one'));
    expect(new Set(states)).toEqual(new Set(['ready']));
    tab.goAway();
    tab.opened.onDiskChanged('loss.png');
    await tab.time.step(1_000);
    expect(tab.file('loss.png').state).toBe('ready');
  });
});

describe('a file that is renamed', () => {
  const rename = async (tab: Awaited<ReturnType<typeof tabOn>>, from: string, to: string) => {
    for (const [path, text] of [...tab.files]) {
      if (path !== from && !path.startsWith(`${from}/`)) continue;
      tab.files.delete(path);
      tab.files.set(to + path.slice(from.length), text);
    }
    await tab.opened.renamed(from, to);
  };

  it('keeps what is unsaved though nothing can be read, and is saved under its new name', async () => {
    const tab = await tabOn('one');
    const { model } = tab.file();
    tab.type(' mine');
    tab.goAway();
    await rename(tab, 'solution', 'final');
    expect(tab.opened.store.get()).toMatchObject({ active: 'final/train.py', panes: ['final/train.py'] });
    expect(tab.file('final/train.py')).toMatchObject({ model, dirty: true, conflict: 'none' });
    expect([...tab.kept.values()]).toMatchObject([{ path: 'final/train.py', text: 'one mine', baseHash: sha256('one') }]);
    tab.goAway(false);
    expect(await tab.opened.save('final/train.py')).toBe(true);
    expect(Object.fromEntries(tab.files)).toEqual({ 'final/train.py': 'one mine' });
  });

  it('is recorded, told and kept under its new name from then on', async () => {
    const tab = await tabOn('one');
    tab.type(' mine');
    await tab.time.step(1_000);
    await rename(tab, PATH, 'notes.txt');
    await tab.time.step(1_000);
    tab.type('!', 'notes.txt');
    await tab.time.step(1_000);
    expect(tab.events.map(({ type, path }) => `${type} ${path}`)).toEqual([
      `editor.opened ${PATH}`,
      `editor.changed ${PATH}`,
      `editor.closed ${PATH}`,
      'editor.opened notes.txt',
      'editor.changed notes.txt',
    ]);
    expect(tab.asked.filter(({ act }) => act === 'document.keep').at(-1)).toMatchObject({ path: 'notes.txt', text: 'one mine!' });
    expect(tab.asked.filter(({ act }) => act === 'document.close').map(({ path }) => path)).toEqual([PATH]);
    expect([...tab.kept.keys()]).toEqual(['notes.txt']);
    expect((tab.file('notes.txt').model as unknown as Text).language).toBe('plaintext');
  });

  it('ends a save that is under way first', async () => {
    const tab = await tabOn('one');
    tab.type(' mine');
    tab.hold('file.write');
    const saving = tab.opened.save(PATH);
    await tab.time.step(0);
    const renaming = rename(tab, PATH, 'moved.py');
    await tab.release();
    await Promise.all([saving, renaming]);
    expect(tab.file('moved.py')).toMatchObject({ saving: false, dirty: false });
  });

  it('says so where something else was written under its new name', async () => {
    const tab = await tabOn('one');
    tab.type(' mine');
    tab.files.delete(PATH);
    tab.files.set('moved.py', 'theirs');
    await tab.opened.renamed(PATH, 'moved.py');
    await tab.time.step(1_000);
    expect([tab.text('moved.py'), tab.file('moved.py').conflict]).toEqual(['one mine', 'changed']);
  });
});

describe('what is not saved', () => {
  it('is kept and told at once when the page is left', async () => {
    const tab = await tabOn('one');
    tab.type(' mine');
    tab.opened.flush();
    await tab.time.step(0);
    expect(tab.kept.get(PATH)).toMatchObject({ text: 'one mine', baseHash: sha256('one') });
    expect(tab.asked.at(-1)).toMatchObject({ act: 'document.keep', text: 'one mine' });
  });

  it('is kept when the editor goes without its page', async () => {
    const tab = await tabOn('one');
    tab.type(' mine');
    tab.opened.dispose();
    await tab.time.step(0);
    expect(tab.kept.get(PATH)?.text).toBe('one mine');
  });

  it('is kept no later than it is told, so that a draft is never older than what the gateway has', async () => {
    const tab = await tabOn('one');
    tab.type(' mine');
    while (!tab.asked.some(({ act }) => act === 'document.keep')) await tab.time.step(10);
    expect(tab.kept.get(PATH)?.text).toBe('one mine');
  });

  it('is back after a reload, with the question whose file changed meanwhile', async () => {
    const draft = { attemptId: 'attempt', path: PATH, text: 'one mine', baseHash: sha256('one'), savedAtMs: 0 };
    const tab = await tabOn('two', { drafts: [draft] });
    expect(tab.file()).toMatchObject({ dirty: true, recovered: true, conflict: 'changed' });
    expect(tab.text()).toBe('one mine');
  });
});

describe('a file that another tab edits', () => {
  const theirs = { editing: false, text: 'one theirs', baseHash: sha256('one'), from: 'other' };

  it('shows what that tab has not saved', async () => {
    const tab = await tabOn('one', { shared: theirs });
    expect([tab.text(), tab.file().edited, tab.file().dirty]).toEqual(['one theirs', 'elsewhere', false]);
  });

  it('shows the disk again where that tab gave its text up and left the file to this one', async () => {
    const tab = await tabOn('one', { shared: theirs });
    tab.opened.sharedChanged(PATH, { editing: true, text: null, baseHash: null, from: null });
    await tab.time.step(1_000);
    expect([tab.text(), tab.file().edited, tab.file().dirty]).toEqual(['one', 'here', false]);
  });

  it('keeps to itself what was typed here and not told before that tab took it over', async () => {
    const tab = await tabOn('one');
    tab.type(' mine');
    tab.opened.sharedChanged(PATH, { editing: false, text: null, baseHash: null, from: null });
    await tab.time.step(1_000);
    expect([tab.text(), tab.file().edited]).toEqual(['one mine', 'apart']);
  });
});

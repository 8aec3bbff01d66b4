import { describe, expect, it } from 'vitest';
import { LARGE, PATH, sha256, tabOn, tabWith } from './openFiles.fixture.ts';

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

  it('that took the file away leaves its text as unsaved, which a reload brings back and a save writes again, but nothing by itself', async () => {
    const tab = await tabOn('one', { autoSave: true });
    await tab.remove();
    await tab.time.step(5_000);
    expect([tab.text(), tab.file().dirty, tab.file().conflict, tab.opened.unsaved]).toEqual(['one', true, 'deleted', [PATH]]);
    expect(tab.files.size).toBe(0);
    const reloaded = tabWith({}, { drafts: [...tab.kept.values()] });
    await reloaded.opened.open(PATH);
    expect([reloaded.text(), reloaded.file().dirty, reloaded.file().conflict]).toEqual(['one', true, 'deleted']);
    expect(await reloaded.opened.save(PATH)).toBe(true);
    await reloaded.time.step(1_000);
    expect([reloaded.files.get(PATH), reloaded.file().dirty, reloaded.file().conflict, reloaded.kept.size]).toEqual([
      'one',
      false,
      'none',
      0,
    ]);
  });

  it('that brings a file back is shown where nothing was typed meanwhile, and asked about where something was', async () => {
    const tab = await tabOn('one');
    await tab.remove();
    await tab.write('one');
    await tab.time.step(1_000);
    expect([tab.file().dirty, tab.file().conflict, tab.kept.size]).toEqual([false, 'none', 0]);
    await tab.remove();
    await tab.write('two');
    await tab.time.step(1_000);
    expect([tab.text(), tab.file().dirty, tab.file().conflict]).toEqual(['two', false, 'none']);
    await tab.remove();
    tab.type(' mine');
    await tab.write('three');
    await tab.time.step(1_000);
    expect([tab.text(), tab.file().dirty, tab.file().conflict]).toEqual(['two mine', true, 'changed']);
  });

  it('that takes away what the person deleted closes it, unless something was typed meanwhile', async () => {
    const tab = await tabOn('one');
    await tab.remove();
    tab.opened.deleted('solution');
    expect(tab.opened.store.get().files).toEqual([]);
    const typed = await tabOn('one');
    await typed.remove();
    typed.type(' mine');
    typed.opened.deleted('solution');
    expect([typed.text(), typed.file().dirty]).toEqual(['one mine', true]);
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

it('a closed file’s text lives until whoever draws it has heard of the close', async () => {
  const tab = await tabOn('one');
  const { model } = tab.file();
  const heard: boolean[] = [];
  tab.opened.store.subscribe(() => void Promise.resolve().then(() => heard.push(model?.isDisposed() ?? true)));
  tab.opened.close(PATH);
  await tab.time.step(0);
  expect([heard[0], model?.isDisposed()]).toEqual([false, true]);
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
    expect((tab.file('notes.txt').model as unknown as { language: string }).language).toBe('plaintext');
  });

  it('has the language of its new name when that is told of', async () => {
    const tab = await tabOn('one');
    const told: string[] = [];
    tab.opened.store.subscribe(() => {
      const file = tab.opened.store.get().files.find(({ path }) => path === 'notes.txt');
      if (file) told.push((file.model as unknown as { language: string }).language);
    });
    await rename(tab, PATH, 'notes.txt');
    expect(told[0]).toBe('plaintext');
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

describe('a file that is opened before those of an earlier page are back', () => {
  it('stays in front, and they are open beside it', async () => {
    const tab = tabWith({ 'a.py': 'a', 'b.py': 'b' }, { before: { paths: ['a.py'], active: 'a.py' } });
    await tab.opened.open('b.py');
    await tab.opened.restore();
    const { files, active } = tab.opened.store.get();
    expect([files.map(({ path }) => path), active]).toEqual([['b.py', 'a.py'], 'b.py']);
  });
});

describe('a library’s file', () => {
  const LIBRARY = '/usr/lib/python3/json/decoder.py';

  it('is read by the help for Python alone, shared with nobody, recorded as looked at, and never saved', async () => {
    const tab = await tabOn('code', {}, LIBRARY);
    expect([tab.text(LIBRARY), tab.file(LIBRARY).state]).toEqual(['code', 'ready']);
    expect(tab.file(LIBRARY).readOnlyReason).toContain('library');
    tab.opened.onDiskChanged(LIBRARY);
    await tab.opened.shareAgain();
    expect(await tab.opened.save(LIBRARY)).toBe(false);
    await tab.time.step(60_000);
    expect(tab.asked.map(({ act }) => act)).toEqual(['language.source']);
    tab.opened.close(LIBRARY);
    expect(tab.events.map(({ type, path }) => [type, path])).toEqual([
      ['editor.opened', LIBRARY],
      ['editor.closed', LIBRARY],
    ]);
    expect(tab.asked).toHaveLength(1);
  });
});

describe('files that were closed', () => {
  it('are opened again, the last one first, where they have not been already', async () => {
    const tab = tabWith({ 'a.py': 'a', 'b.py': 'b', 'c.py': 'c' });
    const open = () => tab.opened.store.get().files.map(({ path }) => path);
    for (const path of ['a.py', 'b.py', 'c.py']) await tab.opened.open(path);
    for (const path of ['a.py', 'b.py', 'c.py']) tab.opened.close(path);
    await tab.opened.open('c.py');
    await tab.opened.reopen();
    expect(open()).toEqual(['c.py', 'b.py']);
    await tab.opened.reopen();
    await tab.opened.reopen();
    expect(open()).toEqual(['c.py', 'b.py', 'a.py']);
  });

  it('leave the list for the next page, which a page with none open does not take from another', async () => {
    const tab = tabWith({ 'a.py': 'a' });
    tab.opened.flush();
    expect(tab.listed()).toBeNull();
    await tab.opened.open('a.py');
    tab.opened.flush();
    expect(tab.listed()?.paths).toEqual(['a.py']);
    tab.opened.close('a.py');
    expect(tab.listed()?.paths).toEqual([]);
  });
});

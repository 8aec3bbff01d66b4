import { describe, expect, it } from 'vitest';
import { PATH, sha256, tabOn, tabWith } from './openFiles.fixture.ts';

type Tab = Awaited<ReturnType<typeof tabOn>>;

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

  it('is kept while it is typed without a pause, so that a tab that crashes loses nothing', async () => {
    const tab = await tabOn('');
    for (let keys = 1; keys <= 50; keys += 1) {
      tab.type('x');
      await tab.time.step(40);
      expect(tab.kept.get(PATH)?.text.length).toBe(keys);
    }
  });

  it('costs the browser less where it is long', async () => {
    const tab = await tabOn('x'.repeat(4_000_000));
    for (let key = 1; key <= 100; key += 1) {
      tab.type('x');
      await tab.time.step(40);
    }
    expect(tab.draftsWritten()).toBeLessThanOrEqual(3);
  });

  it('is back after a reload, with the question whose file changed meanwhile', async () => {
    const draft = { attemptId: 'attempt', path: PATH, tab: 'here', text: 'one mine', baseHash: sha256('one') };
    const tab = await tabOn('two', { drafts: [draft] });
    expect(tab.file()).toMatchObject({ dirty: true, recovered: true, conflict: 'changed' });
    expect(tab.text()).toBe('one mine');
  });
});

describe('what a tab that is gone left unsaved', () => {
  const draft = (path: string, text: string, from: string | null) => ({
    attemptId: 'attempt',
    path,
    tab: 'gone',
    text,
    baseHash: from === null ? null : sha256(from),
  });

  it('is opened, unsaved and marked, in a tab that had no file open', async () => {
    const tab = tabWith({ 'a.py': 'a', 'same.py': 'same' }, { drafts: [draft('a.py', 'a mine', 'a'), draft('same.py', 'same', 'same')] });
    expect(await tab.opened.restore()).toEqual(['a.py']);
    expect([tab.text('a.py'), tab.opened.unsaved]).toEqual(['a mine', ['a.py']]);
    expect(tab.shown('a.py')).toMatchObject({ dirty: true, recovered: true, conflict: 'none' });
    await tab.time.step(1_000);
    expect([tab.opened.store.get().files.length, [...tab.kept.keys()]]).toEqual([1, ['a.py']]);
  });

  it('is opened where only the gateway has it, and not where a tab that is there edits it', async () => {
    const shared = { text: 'a theirs', baseHash: sha256('a'), from: 'other' };
    const left = tabWith({ 'a.py': 'a' }, { shared, unsaved: [{ path: 'a.py', edited: false }] });
    expect(await left.opened.restore()).toEqual(['a.py']);
    expect(left.text('a.py')).toBe('a theirs');
    const edited = { shared: { ...shared, editing: false }, drafts: [draft('a.py', 'a theirs', 'a')] };
    const live = tabWith({ 'a.py': 'a' }, { ...edited, unsaved: [{ path: 'a.py', edited: true }] });
    expect([await live.opened.restore(), live.opened.unsaved, live.kept.size]).toEqual([[], [], 1]);
  });

  it('is opened as that tab kept it here, which is newer than what it told, but not over what another tab told since', async () => {
    const told = (from: string) => ({ shared: { text: 'a mi', baseHash: sha256('a'), from }, drafts: [draft('a.py', 'a mine', 'a')] });
    const crashed = tabWith({ 'a.py': 'a' }, told('gone'));
    expect([await crashed.opened.restore(), crashed.text('a.py')]).toEqual([['a.py'], 'a mine']);
    const later = tabWith({ 'a.py': 'a' }, told('other'));
    expect([await later.opened.restore(), later.text('a.py')]).toEqual([['a.py'], 'a mi']);
  });

  it('is not opened once another tab went on with it and saved it or gave it up, unless more was typed than that tab had', async () => {
    const tookOver = { takenOver: [sha256('a mine')] };
    const settled = tabWith({ 'a.py': 'a theirs' }, { shared: tookOver, drafts: [draft('a.py', 'a mine', 'a')] });
    expect(await settled.opened.restore()).toEqual([]);
    await settled.time.step(1_000);
    expect([settled.opened.store.get().files.length, settled.kept.size]).toEqual([0, 0]);
    const more = tabWith({ 'a.py': 'a theirs' }, { shared: tookOver, drafts: [draft('a.py', 'a mine!', 'a')] });
    expect([await more.opened.restore(), more.text('a.py')]).toEqual([['a.py'], 'a mine!']);
  });

  it('is shown though its file is gone, and is written again', async () => {
    const tab = tabWith({}, { drafts: [draft('a.py', 'a mine', 'a')] });
    expect(await tab.opened.restore()).toEqual(['a.py']);
    expect(tab.shown('a.py')).toMatchObject({ state: 'ready', dirty: true, conflict: 'deleted' });
    expect([await tab.opened.save('a.py', true), tab.files.get('a.py')]).toEqual([true, 'a mine']);
  });

  it('counts as unsaved while its file cannot be read, and is kept when that tab is closed', async () => {
    const tab = tabWith({ 'a.py': 'a' }, { drafts: [draft('a.py', 'a mine', 'a')] });
    tab.goAway();
    expect(await tab.opened.restore()).toEqual([]);
    expect([tab.file('a.py').state, tab.opened.unsaved]).toEqual(['failed', ['a.py']]);
    tab.opened.close('a.py');
    await tab.time.step(1_000);
    expect([tab.opened.unsaved, tab.kept.size]).toEqual([[], 1]);
  });
});

describe('auto-save', () => {
  it('goes on by itself after the connection was away', async () => {
    const tab = await tabOn('one', { autoSave: true });
    tab.goAway();
    tab.type(' mine');
    await tab.time.step(2_000);
    expect(tab.file().saveError).toMatch(/Not connected/);
    tab.goAway(false);
    await tab.opened.shareAgain();
    await tab.time.step(2_000);
    expect([tab.files.get(PATH), tab.file().saveError, tab.file().dirty]).toEqual(['one mine', null, false]);
  });

  it('goes on by itself from a save whose answer was lost, without asking', async () => {
    for (const news of [false, true]) {
      const tab = await tabOn('one', { autoSave: true });
      tab.type(' mine');
      tab.loseAnswers();
      await tab.time.step(2_000);
      expect([tab.files.get(PATH), tab.file().dirty]).toEqual(['one mine', true]);
      tab.loseAnswers(false);
      if (news) await tab.tellAgain();
      tab.type(' and more');
      await tab.time.step(2_000);
      expect([tab.files.get(PATH), tab.file().conflict, tab.file().dirty]).toEqual(['one mine and more', 'none', false]);
    }
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

  it('keeps to itself what was typed here and not told before that tab took it over, until a copy is saved or it is given up', async () => {
    for (const decide of [
      (tab: Tab) => tab.opened.keepBoth(PATH),
      (tab: Tab) => tab.opened.reload(PATH),
      (tab: Tab) => tab.opened.close(PATH),
    ]) {
      const tab = await tabOn('one');
      tab.type(' mine');
      tab.share({ editing: false });
      tab.opened.sharedChanged(PATH, { editing: false, text: null, baseHash: null, from: null });
      await tab.time.step(1_000);
      expect([tab.text(), tab.file().edited, tab.kept.get(PATH)?.text]).toEqual(['one mine', 'apart', 'one mine']);
      await decide(tab);
      await tab.time.step(1_000);
      expect(tab.kept.size).toBe(0);
    }
  });

  it('leaves what it had not saved to this one, when it is gone, only after what was typed here is decided about', async () => {
    const tab = await tabOn('one');
    tab.type(' mine');
    tab.opened.sharedChanged(PATH, { editing: false, text: null, baseHash: null, from: null });
    const left = { ...theirs, editing: true };
    tab.share(left);
    tab.opened.sharedChanged(PATH, left);
    await tab.time.step(1_000);
    expect([tab.text(), tab.file().edited]).toEqual(['one mine', 'apart']);
    await tab.opened.keepBoth(PATH);
    await tab.time.step(1_000);
    expect(tab.files.get('solution/train.mine.py')).toBe('one mine');
    expect([tab.text(), tab.file().edited, tab.file().dirty, tab.kept.get(PATH)?.text]).toEqual(['one theirs', 'here', true, 'one theirs']);
  });

  it('has no draft here of what that tab took over, whose own in the same browser stays', async () => {
    const tab = await tabOn('one');
    tab.type(' mine');
    await tab.time.step(1_000);
    expect(tab.kept.get(PATH)?.tab).toBe('here');
    const taken = { editing: false, text: 'one mine', baseHash: sha256('one'), from: 'here' };
    tab.opened.sharedChanged(PATH, taken);
    await tab.time.step(1_000);
    expect([tab.text(), tab.file().edited, tab.kept.size]).toEqual(['one mine', 'elsewhere', 0]);

    const beside = await tabOn('one');
    beside.type(' mine');
    await beside.time.step(1_000);
    beside.kept.set(PATH, { attemptId: 'attempt', path: PATH, tab: 'other', text: 'one mine', baseHash: sha256('one') });
    beside.opened.sharedChanged(PATH, taken);
    await beside.time.step(1_000);
    expect(beside.kept.get(PATH)?.tab).toBe('other');
  });
});

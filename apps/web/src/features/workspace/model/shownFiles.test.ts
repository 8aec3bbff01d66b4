import { describe, expect, it } from 'vitest';
import { LARGE, PATH, sha256, tabOn } from './openFiles.fixture.ts';

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

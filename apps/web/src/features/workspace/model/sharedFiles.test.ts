import { describe, expect, it } from 'vitest';
import { PATH, sha256, tabOn } from './openFiles.fixture.ts';

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

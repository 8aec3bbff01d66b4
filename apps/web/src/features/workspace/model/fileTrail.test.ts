import { describe, expect, it } from 'vitest';
import { tabWith } from './openFiles.fixture.ts';

describe('the next page', () => {
  const DISK = { 'a.py': 'a', 'b.py': 'b', 'c.py': 'c', 'd.py': 'd' };
  const wanted = (tab: ReturnType<typeof tabWith>) => {
    const { path, place } = tab.opened.wanted.get() ?? {};
    return `${path}:${place?.line}`;
  };

  /** A page in which somebody came from a.py by b.py to c.py and back to b.py, and closed c.py; and the one after its reload. */
  async function reloaded() {
    const page = tabWith(DISK);
    for (const [path, line] of [
      ['a.py', 70],
      ['b.py', 30],
      ['c.py', 5],
    ] as const) {
      await page.opened.open(path);
      page.opened.cursorStands({ path, line, column: 1 });
    }
    await page.opened.travel('back');
    page.opened.wanted.set(null);
    page.opened.cursorStands({ path: 'b.py', line: 33, column: 1 });
    page.opened.close('c.py');
    page.opened.flush();
    return tabWith(DISK, { before: page.listed() });
  }

  it('goes on where the cursor was, with the ways back and forth from there', async () => {
    const tab = await reloaded();
    const restoring = tab.opened.restore();
    await tab.time.step(0);
    // As each file is shown before the cursor is put anywhere.
    for (const path of ['a.py', 'b.py']) tab.opened.cursorStands({ path, line: 1, column: 1 });
    expect([tab.opened.stoodAt('a.py'), tab.opened.stoodAt('b.py')?.line]).toEqual([null, 33]);
    await restoring;
    await tab.time.step(1);
    expect(tab.opened.stoodAt('b.py')).toBeNull();
    tab.opened.cursorStands({ path: 'b.py', line: 33, column: 1 });
    await tab.opened.travel('forward');
    expect(wanted(tab)).toBe('c.py:5');
    tab.opened.wanted.set(null);
    for (const place of ['b.py:33', 'a.py:70']) {
      await tab.opened.travel('back');
      expect(wanted(tab)).toBe(place);
      tab.opened.wanted.set(null);
    }
  });

  it('opens again what an earlier one closed, after what was closed since', async () => {
    const tab = await reloaded();
    await tab.opened.open('d.py');
    tab.opened.close('d.py');
    await tab.opened.restore();
    await tab.opened.reopen();
    expect(tab.opened.store.get().active).toBe('d.py');
    await tab.opened.reopen();
    expect(tab.opened.store.get().active).toBe('c.py');
  });

  it('leads from a file that was opened before the others came back to where the cursor was', async () => {
    const tab = await reloaded();
    await tab.opened.open('d.py');
    tab.opened.cursorStands({ path: 'd.py', line: 1, column: 1 });
    await tab.opened.restore();
    await tab.time.step(1);
    await tab.opened.travel('back');
    expect(wanted(tab)).toBe('b.py:33');
  });
});

describe('what was kept in another shape', () => {
  const DISK = { 'a.py': 'a', 'b.py': 'b', 'c.py': 'c' };
  const point = (path: unknown, line: unknown) => ({ path, line, column: 1 });

  it.each(['', 'nonsense', '{', 'null', '7', '"a.py"', '[]', '["a.py"]', '{}', '{"files":["a.py"]}', '{"paths":"a.py","trail":"b.py"}'])(
    'opens nothing, and the page works as one that is new: %s',
    async (before) => {
      const tab = tabWith(DISK, { before });
      expect(await tab.opened.restore()).toEqual([]);
      await tab.time.step(1);
      expect([tab.opened.store.get().files, tab.opened.isRestoring]).toEqual([[], false]);
      for (const path of ['a.py', 'b.py']) {
        await tab.opened.open(path);
        tab.opened.cursorStands({ path, line: 1, column: 1 });
      }
      await tab.opened.travel('back');
      expect(tab.opened.store.get().active).toBe('a.py');
    },
  );

  it('loses nothing of what is right in it', async () => {
    const places = {
      back: [point('a.py', 70), point('a.py', '7'), point(7, 7), point('b.py', 0), point('b.py', 1.5), { path: 'b.py' }, 'b.py', null],
      forward: { path: 'c.py' },
      here: point('b.py', -3),
    };
    const trail = { places, closed: ['c.py', 7, null] };
    const before = JSON.stringify({ paths: ['a.py', 7, null, 'b.py'], active: 'b.py', panes: ['a.py', 7, 'b.py'], trail, later: true });
    const tab = tabWith(DISK, { before });
    await tab.opened.restore();
    await tab.time.step(1);
    const { files, panes, active } = tab.opened.store.get();
    expect([files.map(({ path }) => path), panes, active]).toEqual([['a.py', 'b.py'], ['a.py', null, 'b.py'], 'b.py']);
    tab.opened.cursorStands({ path: 'b.py', line: 1, column: 1 });
    await tab.opened.travel('back');
    expect(tab.opened.wanted.get()).toMatchObject({ path: 'a.py', place: { line: 70 } });
    await tab.opened.reopen();
    expect(tab.opened.store.get().active).toBe('c.py');
  });
});

it('the way back leads to a place in a file that was closed meanwhile, and not to where a file was shown before the place in it', async () => {
  const tab = tabWith({ 'a.py': 'a', 'b.py': 'b' });
  const wanted = () => {
    const { path, place } = tab.opened.wanted.get() ?? {};
    return `${path}:${place?.line}`;
  };
  await tab.opened.open('a.py');
  tab.opened.cursorStands({ path: 'a.py', line: 7, column: 1 });
  await tab.opened.openAt('b.py', { line: 30, column: 1, length: 0 });
  tab.opened.cursorStands({ path: 'b.py', line: 1, column: 1 });
  tab.opened.wanted.set(null);
  tab.opened.cursorStands({ path: 'b.py', line: 30, column: 1 });
  tab.opened.close('a.py');
  await tab.opened.travel('back');
  expect([tab.opened.store.get().active, wanted()]).toEqual(['a.py', 'a.py:7']);
  tab.opened.wanted.set(null);
  await tab.opened.travel('forward');
  expect([tab.opened.store.get().active, wanted()]).toEqual(['b.py', 'b.py:30']);
});

it('the way back from a file whose text is still on its way leads to where the cursor was, and not one place further', async () => {
  const tab = tabWith({ 'a.py': 'a', 'b.py': 'b' });
  for (const line of [7, 70]) tab.opened.cursorStands({ path: 'a.py', line, column: 1 });
  await tab.opened.open('a.py');
  await tab.opened.open('b.py');
  await tab.opened.travel('back');
  expect(tab.opened.wanted.get()).toMatchObject({ path: 'a.py', place: { line: 70 } });
});

it('the way back leads past files that are gone, whose tabs are closed, and each press of the key is one step', async () => {
  const tab = tabWith({ 'a.py': 'a', 'gone.py': 'gone', 'b.py': 'b', 'c.py': 'c' });
  for (const path of ['a.py', 'gone.py', 'b.py', 'c.py']) {
    await tab.opened.open(path);
    tab.opened.cursorStands({ path, line: 1, column: 1 });
  }
  tab.opened.close('gone.py');
  tab.files.delete('gone.py');
  await Promise.all([tab.opened.travel('back'), tab.opened.travel('back')]);
  expect(tab.opened.store.get().active).toBe('a.py');
  expect(tab.opened.store.get().files.map(({ path }) => path)).not.toContain('gone.py');
  tab.opened.wanted.set(null);
  await tab.opened.travel('forward');
  expect(tab.opened.store.get().active).toBe('b.py');
});

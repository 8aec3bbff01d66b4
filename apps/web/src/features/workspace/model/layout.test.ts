import { describe, expect, it } from 'vitest';
import { groupsOf, keptLayout, type Layout, PANEL_TITLES, readLayout as readLayoutIn } from './layout.ts';

const ATTEMPT = 'attempt';
const readLayout = (text: string | null) => readLayoutIn(text, ATTEMPT);
const panelsOf = (layout: Layout) => groupsOf(layout.root).map(({ tabs }) => tabs.map(({ id }) => id));
const DEFAULT = panelsOf(readLayout(null));

const kept = (...groups: string[][]) =>
  JSON.stringify({
    version: 1,
    root: {
      type: 'split',
      id: 'root',
      orientation: 'horizontal',
      children: groups.map((ids, at) => ({ type: 'tabset', id: `g${at}`, tabs: ids.map((id) => ({ id, data: null })) })),
    },
  });

describe('the layout of the desk', () => {
  it('comes back as it was kept', () => {
    const all = Object.keys(PANEL_TITLES);
    expect(panelsOf(readLayout(kept(all.slice(0, 4), all.slice(4))))).toEqual([all.slice(0, 4), all.slice(4)]);
  });

  it('has every panel once, whatever was kept', () => {
    const layout = readLayout(kept(['editor', 'editor', 'toaster'], ['instructions', 'files'], ['files']));
    expect(panelsOf(layout).flat().sort()).toEqual(Object.keys(PANEL_TITLES).sort());
    expect(panelsOf(layout)[1]).toEqual(expect.arrayContaining(['instructions', 'files', 'terminals', 'help']));
  });

  it('has a panel that is newer than what was kept beside those that it stands with at first', () => {
    const older = Object.keys(PANEL_TITLES).filter((id) => id !== 'terminals' && id !== 'problems');
    const layout = readLayout(kept(older, ['terminals']));
    expect(panelsOf(layout)).toEqual([older, ['terminals', 'problems']]);
    expect(groupsOf(layout.root)[1]?.selectedId ?? 'terminals').toBe('terminals');
  });

  it('is the default where what was kept cannot be read', () => {
    const unreadable = [
      null,
      '',
      'nonsense',
      '[]',
      '{"version":7}',
      '{"version":1,"root":{"type":"split","children":3}}',
      kept([]),
      kept(['x']),
    ];
    for (const text of unreadable) expect(panelsOf(readLayout(text)), String(text)).toEqual(DEFAULT);
  });

  it('opens on the instructions in an attempt for which it was not kept, and as it was left in the one for which it was', () => {
    const left = readLayout(kept(['editor'], ['instructions', 'notes', 'help']));
    Object.assign(groupsOf(left.root)[1] ?? {}, { selectedId: 'notes', collapsible: true, collapsed: true });
    const text = keptLayout(left, ATTEMPT);
    expect(groupsOf(readLayout(text).root)[1]).toMatchObject({ selectedId: 'notes', collapsible: true, collapsed: true });
    for (const other of [readLayoutIn(text, 'the next one'), readLayout(JSON.stringify(left))]) {
      expect(panelsOf(other)).toEqual(panelsOf(left));
      const { selectedId, collapsed = false } = groupsOf(other.root)[1] ?? {};
      expect({ selectedId, collapsed }).toEqual({ selectedId: 'instructions', collapsed: false });
    }
  });
});

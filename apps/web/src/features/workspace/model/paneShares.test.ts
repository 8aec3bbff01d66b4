import { describe, expect, it } from 'vitest';
import { keptLayout, readLayout } from './layout.ts';
import { paneShares, withPaneShares } from './paneShares.ts';

describe('the width of panes', () => {
  it('is as it was left for so many of them, and the same for all before', () => {
    const text = withPaneShares(withPaneShares(null, 'editor', [70, 30]), 'terminals', [20, 30, 50]);
    expect(paneShares(text, 'editor', 2)).toEqual([70, 30]);
    expect(paneShares(text, 'terminals', 3)).toEqual([20, 30, 50]);
    expect(paneShares(text, 'terminals', 2)).toEqual([50, 50]);
    expect(paneShares(null, 'editor', 1)).toEqual([100]);
  });

  it('stays when panels are moved, and moves none', () => {
    const text = withPaneShares(null, 'editor', [70, 30]);
    const layout = readLayout(text, 'attempt');
    expect(layout).toEqual(readLayout(null, 'attempt'));
    const moved = keptLayout(layout, 'attempt', text);
    expect(paneShares(moved, 'editor', 2)).toEqual([70, 30]);
    expect(readLayout(withPaneShares(moved, 'editor', [40, 60]), 'attempt')).toEqual(readLayout(moved, 'attempt'));
  });

  it('is the same for all where what was kept cannot be read', () => {
    for (const panes of [7, null, { 'editor-2': 'wide' }, { 'editor-2': [1, -1] }, { 'editor-2': [1, 1, 1] }, { 'editor-2': [0, 0] }])
      expect(paneShares(JSON.stringify({ panes }), 'editor', 2), JSON.stringify(panes)).toEqual([50, 50]);
    for (const text of ['', 'nonsense', '[]']) expect(paneShares(text, 'editor', 2)).toEqual([50, 50]);
  });
});

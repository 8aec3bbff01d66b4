import { describe, expect, it } from 'vitest';
import { closedPane, droppedFile, focusedPane, type OpenFilesState, shownInPane, splitPane, withoutFile } from './editorPanes.ts';
import { loadingFile } from './openFile.ts';
import { MOST_PANES } from './paneDrop.ts';

const state = (panes: (string | null)[], pane = 0): OpenFilesState => ({
  files: ['a', 'b', 'c'].map(loadingFile),
  panes,
  pane,
  active: panes[pane] ?? null,
});

describe('the panes of the editor', () => {
  it('are split beside the one with the focus, as long as there is room', () => {
    expect(splitPane(state(['a', 'b'], 0))).toEqual({ panes: ['a', 'a', 'b'], pane: 1 });
    expect(splitPane(state(Array(MOST_PANES).fill('a')))).toBe(null);
  });

  it('keep the focus on the same file where another pane is closed, and are never none', () => {
    expect(closedPane(state(['a', 'b', 'c'], 2), 0)).toEqual({ panes: ['b', 'c'], pane: 1, active: 'c' });
    expect(closedPane(state(['a', 'b'], 1), 1)).toEqual({ panes: ['a'], pane: 0, active: 'a' });
    expect(closedPane(state(['a']), 0)).toBe(null);
  });

  it('show what is asked for where the focus is', () => {
    expect(shownInPane(state(['a', 'b'], 1), 'c')).toEqual({ active: 'c', panes: ['a', 'c'] });
    expect(focusedPane(state(['a', 'b']), 1)).toEqual({ pane: 1, active: 'b' });
    for (const at of [0, 2]) expect(focusedPane(state(['a', 'b']), at)).toBe(null);
  });

  it('give the focus to a file that is dropped on one, or at its edge', () => {
    expect(droppedFile(state(['a', 'b']), 'c', 1, 'whole')).toEqual({ panes: ['a', 'c'], pane: 1, active: 'c' });
    expect(droppedFile(state(['a', 'b'], 1), 'c', 0, 'left')).toEqual({ panes: ['c', 'a', 'b'], pane: 0, active: 'c' });
  });

  it('show the neighbour of a file that was closed, and nothing after the last', () => {
    expect(withoutFile(state(['b', 'a'], 0), 'b')).toMatchObject({ panes: ['c', 'a'], active: 'c' });
    expect(withoutFile({ ...state(['a']), files: [loadingFile('a')] }, 'a')).toEqual({ files: [], panes: [null], active: null });
  });
});

import { describe, expect, it } from 'vitest';
import { droppedOnPane, inOrder, MOST_PANES, movedAlong, movedBefore, movedToPane, nextAlong } from './paneDrop.ts';

describe('a drop on a pane', () => {
  it('shows what was dropped there, or in a new pane at the edge, as long as there is room', () => {
    expect(droppedOnPane(['a', 'b'], 'c', 1, 'whole')).toEqual({ panes: ['a', 'c'], pane: 1 });
    expect(droppedOnPane(['a', 'b'], 'c', 1, 'left')).toEqual({ panes: ['a', 'c', 'b'], pane: 1 });
    expect(droppedOnPane(['a', 'b'], 'c', 1, 'right')).toEqual({ panes: ['a', 'b', 'c'], pane: 2 });
    expect(droppedOnPane(Array(MOST_PANES).fill('a'), 'c', 0, 'right').panes).toEqual(['c', ...Array(MOST_PANES - 1).fill('a')]);
  });

  it('takes a terminal out of the pane where it was', () => {
    expect(movedToPane([1, 2, 3], 1, 2, 'right')).toEqual({ panes: [2, 3, 1], pane: 2 });
    expect(movedToPane([1, 2], 2, 0, 'whole')).toEqual({ panes: [2], pane: 0 });
    expect(movedToPane([1, 2], 3, 0, 'left')).toEqual({ panes: [3, 1, 2], pane: 0 });
    expect(movedToPane([1], 1, 0, 'right')).toEqual({ panes: [1], pane: 0 });
  });
});

describe('tabs in a row', () => {
  it('move in front of another, to the end, or a place along', () => {
    expect(movedBefore(['a', 'b', 'c'], 'c', 'a')).toEqual(['c', 'a', 'b']);
    expect(movedBefore(['a', 'b', 'c'], 'a', null)).toEqual(['b', 'c', 'a']);
    expect(movedBefore(['a', 'b'], 'a', 'a')).toEqual(['a', 'b']);
    expect(movedAlong(['a', 'b', 'c'], 'b', 1)).toEqual(['a', 'c', 'b']);
    expect(movedAlong(['a', 'b'], 'a', -1)).toEqual(['a', 'b']);
  });

  it('keep their order when one goes, and take a new one at the end', () => {
    expect(inOrder([1, 3, 4], [3, 2, 1])).toEqual([3, 1, 4]);
  });

  it('are gone through in either direction, round from the last to the first', () => {
    expect([nextAlong([1, 2, 3], 3, 1), nextAlong([1, 2, 3], 1, -1), nextAlong([1, 2, 3], 1, 1)]).toEqual([1, 3, 2]);
    expect([nextAlong([1], 1, 1), nextAlong([1], 1, -1)]).toEqual([1, 1]);
  });
});

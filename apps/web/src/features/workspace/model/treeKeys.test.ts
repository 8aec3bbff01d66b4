import { describe, expect, it } from 'vitest';
import { walkTree } from './treeKeys.ts';

const ROWS = [
  { path: 'lib', depth: 0, expanded: true },
  { path: 'lib/data', depth: 1, expanded: false },
  { path: 'lib/part.py', depth: 1, expanded: false },
  { path: 'readme', depth: 0, expanded: false },
];

/** What a key does while that row is chosen. */
function press(key: string, path: string | null, held: { ctrlKey?: boolean; metaKey?: boolean; shiftKey?: boolean } = {}): string {
  let done = 'nothing';
  const say = (what: string) => (row: { path: string } | string | null) => {
    done = `${what} ${typeof row === 'string' ? row : row?.path}`;
  };
  const event = { key, ctrlKey: false, metaKey: false, altKey: false, shiftKey: false, preventDefault: () => {}, ...held };
  walkTree(event, {
    rows: ROWS,
    at: ROWS.findIndex((row) => row.path === path),
    isFolder: (row) => row.path === 'lib' || row.path === 'lib/data',
    choose: say('choose'),
    chooseTo: say('choose to'),
    toggle: say('toggle'),
    open: say('open'),
    others: { F2: () => say('rename')(path), Delete: () => say('delete')(path) },
  });
  return done;
}

describe('the keys of a tree', () => {
  it('choose a row, and stay within the tree', () => {
    expect(press('ArrowDown', null)).toBe('choose lib');
    expect(press('ArrowDown', 'lib')).toBe('choose lib/data');
    expect(press('ArrowUp', 'lib')).toBe('choose lib');
    expect(press('PageDown', 'lib')).toBe('choose readme');
    expect(press('Home', 'readme')).toBe('choose lib');
    expect(press('End', 'lib')).toBe('choose readme');
  });

  it('choose all up to a row with Shift', () => {
    const shift = { shiftKey: true };
    expect(press('ArrowDown', 'lib', shift)).toBe('choose to lib/data');
    expect(press('ArrowUp', 'readme', shift)).toBe('choose to lib/part.py');
    expect(press('End', 'lib', shift)).toBe('choose to readme');
    expect(press('ArrowLeft', 'lib/part.py', shift)).toBe('choose lib');
  });

  it('open a folder and then go into it, and fold it or go to the one around', () => {
    expect(press('ArrowRight', 'lib/data')).toBe('toggle lib/data');
    expect(press('ArrowRight', 'lib')).toBe('choose lib/data');
    expect(press('ArrowRight', 'readme')).toBe('nothing');
    expect(press('ArrowLeft', 'lib')).toBe('toggle lib');
    expect(press('ArrowLeft', 'lib/part.py')).toBe('choose lib');
    expect(press('ArrowLeft', 'readme')).toBe('nothing');
  });

  it('open what is chosen, do what the tree adds, and leave the page’s own keys alone', () => {
    expect(press('Enter', 'lib/part.py')).toBe('open lib/part.py');
    expect(press(' ', null)).toBe('nothing');
    expect(press('F2', 'readme')).toBe('rename readme');
    expect(press('ArrowDown', 'lib', { ctrlKey: true })).toBe('nothing');
    expect(press('ArrowDown', 'lib', { metaKey: true })).toBe('nothing');
  });

  it('delete by Delete, and by Cmd and Backspace where a keyboard has none', () => {
    expect(press('Delete', 'readme')).toBe('delete readme');
    expect(press('Backspace', 'readme')).toBe('nothing');
    expect(press('Backspace', 'readme', { metaKey: true })).toBe('delete readme');
  });
});

import { describe, expect, it } from 'vitest';
import { PlaceHistory } from './placeHistory.ts';

const at = (path: string, line: number) => ({ path, line, column: 1 });

describe('the way back', () => {
  it('leads through the places that somebody went to, and forth again', () => {
    const places = new PlaceHistory();
    places.stands(at('a', 1));
    places.stands(at('a', 200));
    places.stands(at('b', 1));
    expect(places.go('back')).toEqual(at('a', 200));
    expect(places.go('back')).toEqual(at('a', 1));
    expect(places.go('back')).toBeNull();
    expect(places.go('forward')).toEqual(at('a', 200));
    expect(places.go('forward')).toEqual(at('b', 1));
    expect(places.go('forward')).toBeNull();
  });

  it('returns to where the cursor stood last, and has no stop for each line on the way', () => {
    const places = new PlaceHistory();
    for (const line of [1, 2, 8, 14, 20]) places.stands(at('a', line));
    places.stands(at('b', 1));
    expect([places.go('back'), places.go('back')]).toEqual([at('a', 20), null]);
  });

  it('forgets what lay ahead when somebody goes elsewhere', () => {
    const places = new PlaceHistory();
    for (const path of ['a', 'b']) places.stands(at(path, 1));
    places.go('back');
    places.stands(at('c', 1));
    expect([places.go('forward'), places.go('back'), places.go('back')]).toEqual([null, at('a', 1), null]);
  });

  it('begins at the file in front, though its text is not there yet', () => {
    const places = new PlaceHistory();
    for (const path of ['a', 'b']) places.stands(at(path, 1));
    places.shows('b');
    places.shows('c');
    expect([places.go('back'), places.go('back'), places.go('forward')]).toEqual([at('b', 1), at('a', 1), at('b', 1)]);
  });

  it('follows files that are moved', () => {
    const places = new PlaceHistory();
    for (const path of ['src/a', 'b']) places.stands(at(path, 1));
    places.renamed('src', 'lib');
    expect(places.go('back')).toEqual(at('lib/a', 1));
  });

  it('leads past a file that is gone, and not twice to what lay around it', () => {
    const places = new PlaceHistory();
    for (const point of [at('a', 1), at('b', 1), at('gone', 1), at('b', 2), at('gone', 90), at('c', 1)]) places.stands(point);
    places.go('back');
    places.go('back');
    places.forget('gone');
    expect(places.next('back')).toEqual(at('a', 1));
    expect(places.next('forward')).toEqual(at('c', 1));
    expect([places.go('forward'), places.go('back'), places.go('back'), places.go('back')]).toEqual([
      at('c', 1),
      at('b', 2),
      at('a', 1),
      null,
    ]);
  });
});

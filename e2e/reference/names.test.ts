import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { fileOf, NAMES, SIZES, THEMES } from './names.ts';

it('each reference picture that is taken is there for each theme and size, and no other', () => {
  const taken = NAMES.flatMap((name) => THEMES.flatMap((theme) => SIZES.map(({ height }) => fileOf(name, theme, height))));
  expect(readdirSync(join(import.meta.dirname, 'pictures')).toSorted()).toEqual(taken.toSorted());
});

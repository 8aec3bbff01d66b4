import { expect, it } from 'vitest';
import { switchOfKey } from './searchSwitch.ts';

/** Which switch a key is for, and whether it types something all the same. */
function press(code: string, held: { altKey?: boolean; ctrlKey?: boolean; altGraph?: boolean } = {}) {
  let types = true;
  const { altGraph = false, ...keys } = held;
  const which = switchOfKey({
    code,
    altKey: false,
    ctrlKey: false,
    metaKey: false,
    ...keys,
    getModifierState: (name) => name === 'AltGraph' && altGraph,
    preventDefault: () => {
      types = false;
    },
  });
  return { which, types };
}

it('Alt and a letter is a search’s switch, and types nothing into its field, where a Mac has a letter on that', () => {
  expect(press('KeyC', { altKey: true })).toEqual({ which: 'case', types: false });
  expect(press('KeyR', { altKey: true })).toEqual({ which: 'regex', types: false });
});

it('a letter by itself or by AltGr is typed, and Alt-W is left to the file that it closes', () => {
  const typed = { which: null, types: true };
  expect(press('KeyC')).toEqual(typed);
  expect(press('KeyC', { altKey: true, ctrlKey: true })).toEqual(typed);
  expect(press('KeyC', { altKey: true, altGraph: true })).toEqual(typed);
  expect(press('KeyW', { altKey: true })).toEqual(typed);
});

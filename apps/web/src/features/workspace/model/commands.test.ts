import { describe, expect, it } from 'vitest';
import { keyLabel, matches } from './commands.ts';

const press = (code: string, key: string, held: Partial<Record<'ctrlKey' | 'metaKey' | 'altKey' | 'shiftKey', boolean>> = {}) => ({
  code,
  key,
  ctrlKey: false,
  metaKey: false,
  altKey: false,
  shiftKey: false,
  getModifierState: () => false,
  ...held,
});

describe('the keys of a command', () => {
  it('are written as the machine has them', () => {
    const keys = ['Ctrl/Cmd', 'Alt', 'S'];
    expect(keys.map((key) => keyLabel(key, 'Linux x86_64'))).toEqual(['Ctrl', 'Alt', 'S']);
    expect(keys.map((key) => keyLabel(key, 'MacIntel'))).toEqual(['⌘', '⌥', 'S']);
  });

  it('are pressed with Ctrl or Cmd where it says both, and with all of its modifiers and no other', () => {
    const palette = { keys: ['Ctrl/Cmd', 'Shift', 'P'] };
    expect(matches(palette, press('KeyP', 'P', { ctrlKey: true, shiftKey: true }))).toBe(true);
    expect(matches(palette, press('KeyP', 'P', { metaKey: true, shiftKey: true }))).toBe(true);
    expect(matches(palette, press('KeyP', 'p', { ctrlKey: true }))).toBe(false);
    expect(matches(palette, press('KeyP', 'P', { ctrlKey: true, shiftKey: true, altKey: true }))).toBe(false);
    expect(matches({ keys: ['Alt', 'W'] }, press('KeyW', 'w', { ctrlKey: true, altKey: true }))).toBe(false);
  });

  it('are known by their place, whatever character Shift or Alt makes of them', () => {
    expect(matches({ keys: ['Ctrl', 'Shift', '`'] }, press('Backquote', '~', { ctrlKey: true, shiftKey: true }))).toBe(true);
    expect(matches({ keys: ['Ctrl', 'Shift', '5'] }, press('Digit5', '%', { ctrlKey: true, shiftKey: true }))).toBe(true);
    expect(matches({ keys: ['Alt', 'Z'] }, press('KeyZ', 'Ω', { altKey: true }))).toBe(true);
  });

  it('are not those that AltGr makes of a letter', () => {
    const typed = { ...press('KeyS', 'ś', { ctrlKey: true, altKey: true }), getModifierState: (name: string) => name === 'AltGraph' };
    expect(matches({ keys: ['Ctrl/Cmd', 'Alt', 'S'] }, typed)).toBe(false);
  });

  it('are none where a command has none', () => {
    expect(matches({}, press('KeyA', 'a'))).toBe(false);
  });
});

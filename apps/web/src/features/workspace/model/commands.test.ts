import { describe, expect, it } from 'vitest';
import { type Command, commandOf, keyLabel, matches } from './commands.ts';

const LINUX = 'Linux x86_64';
const MAC = 'MacIntel';

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
    expect(keys.map((key) => keyLabel(key, LINUX))).toEqual(['Ctrl', 'Alt', 'S']);
    expect(keys.map((key) => keyLabel(key, MAC))).toEqual(['⌘', '⌥', 'S']);
  });

  it('are pressed with Cmd on a Mac and with Ctrl elsewhere where it says both, and with all of its modifiers and no other', () => {
    const palette = { keys: ['Ctrl/Cmd', 'Shift', 'P'] };
    const [ctrl, cmd] = [press('KeyP', 'P', { ctrlKey: true, shiftKey: true }), press('KeyP', 'P', { metaKey: true, shiftKey: true })];
    expect([matches(palette, ctrl, LINUX), matches(palette, cmd, LINUX)]).toEqual([true, false]);
    expect([matches(palette, ctrl, MAC), matches(palette, cmd, MAC)]).toEqual([false, true]);
    expect(matches(palette, press('KeyP', 'p', { ctrlKey: true }), LINUX)).toBe(false);
    expect(matches(palette, press('KeyP', 'P', { ctrlKey: true, shiftKey: true, altKey: true }), LINUX)).toBe(false);
    expect(matches({ keys: ['Alt', 'W'] }, press('KeyW', 'w', { ctrlKey: true, altKey: true }), LINUX)).toBe(false);
  });

  it('are known by their place, whatever character Shift or Alt makes of them', () => {
    expect(matches({ keys: ['Ctrl', 'Shift', '`'] }, press('Backquote', '~', { ctrlKey: true, shiftKey: true }), LINUX)).toBe(true);
    expect(matches({ keys: ['Ctrl', 'Shift', '5'] }, press('Digit5', '%', { ctrlKey: true, shiftKey: true }), LINUX)).toBe(true);
    expect(matches({ keys: ['Alt', 'Z'] }, press('KeyZ', 'Ω', { altKey: true }), LINUX)).toBe(true);
  });

  it('are others on a Mac where it has them for its texts', () => {
    const back = { keys: ['Alt', '←'], macKeys: ['Ctrl', '-'] };
    const [alt, ctrl] = [press('ArrowLeft', 'ArrowLeft', { altKey: true }), press('Minus', '-', { ctrlKey: true })];
    expect([matches(back, alt, LINUX), matches(back, ctrl, LINUX)]).toEqual([true, false]);
    expect([matches(back, alt, MAC), matches(back, ctrl, MAC)]).toEqual([false, true]);
  });

  it('are not those that AltGr makes of a letter', () => {
    const typed = { ...press('KeyS', 'ś', { ctrlKey: true, altKey: true }), getModifierState: (name: string) => name === 'AltGraph' };
    expect(matches({ keys: ['Ctrl/Cmd', 'Alt', 'S'] }, typed, LINUX)).toBe(false);
  });

  it('are none where a command has none', () => {
    expect(matches({}, press('KeyA', 'a'), LINUX)).toBe(false);
  });

  it('reach a program in a terminal, unless Cmd is held, which none takes', () => {
    const none = () => {};
    const commands: Command[] = [
      { id: 'find', title: '', keys: ['Ctrl/Cmd', 'Shift', 'F'], onlyIn: 'terminal', run: none },
      { id: 'search', title: '', keys: ['Ctrl/Cmd', 'Shift', 'F'], notInTerminal: true, run: none },
      { id: 'save', title: '', keys: ['Ctrl/Cmd', 'S'], notInTerminal: true, run: none },
    ];
    const of = (event: ReturnType<typeof press>, place: 'terminal' | null, platform: string) =>
      commandOf(commands, event, place, platform)?.id;
    const [ctrlS, cmdS] = [press('KeyS', 's', { ctrlKey: true }), press('KeyS', 's', { metaKey: true })];
    expect([of(ctrlS, null, LINUX), of(ctrlS, 'terminal', LINUX)]).toEqual(['save', undefined]);
    expect([of(cmdS, null, MAC), of(cmdS, 'terminal', MAC), of(ctrlS, null, MAC)]).toEqual(['save', 'save', undefined]);
    const find = press('KeyF', 'F', { metaKey: true, shiftKey: true });
    expect([of(find, null, MAC), of(find, 'terminal', MAC)]).toEqual(['search', 'find']);
  });
});

import { describe, expect, it } from 'vitest';
import { nameOfTerminal, readNumbers } from './terminalPanes.ts';

describe('the terminals that stood side by side', () => {
  it('are read back as they were stored', () => {
    expect(readNumbers('[2,5]')).toEqual([2, 5]);
  });

  it('are none where nothing, or something else, is stored', () => {
    for (const stored of [null, '', 'x', '{}', '["1"]', '[1.5]', 'null']) expect(readNumbers(stored)).toEqual([]);
  });
});

it('a terminal is called by the name that it was given, or else by what runs in it', () => {
  const unnamed = { terminal: 2, name: 'Terminal 2' };
  expect(nameOfTerminal(unnamed)).toBe('Terminal 2');
  expect(nameOfTerminal({ ...unnamed, program: 'python train.py' })).toBe('python train.py');
  expect(nameOfTerminal({ ...unnamed, name: 'training', program: 'python train.py' })).toBe('training');
  expect(nameOfTerminal({ ...unnamed, name: '' })).toBe('Terminal 2');
});

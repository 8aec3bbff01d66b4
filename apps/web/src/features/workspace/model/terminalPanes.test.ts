import { describe, expect, it } from 'vitest';
import { readNumbers } from './terminalPanes.ts';

describe('the terminals that stood side by side', () => {
  it('are read back as they were stored', () => {
    expect(readNumbers('[2,5]')).toEqual([2, 5]);
  });

  it('are none where nothing, or something else, is stored', () => {
    for (const stored of [null, '', 'x', '{}', '["1"]', '[1.5]', 'null']) expect(readNumbers(stored)).toEqual([]);
  });
});

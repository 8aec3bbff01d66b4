import { describe, expect, it } from 'vitest';
import { readPreferences } from './preferences.ts';

describe('what a person chose for the workspace', () => {
  it('comes back as it was stored, with defaults for the rest', () => {
    expect(readPreferences('{"autoSave":true,"terminalsAt":"right"}')).toMatchObject({
      autoSave: true,
      terminalsAt: 'right',
      sideAt: 'right',
    });
  });

  it('is the default where something else was stored', () => {
    for (const stored of [null, '', 'nonsense', '[]', '"x"', 'null', '{"autoSave":"yes","terminalsAt":3}'])
      expect(readPreferences(stored)).toEqual(readPreferences(null));
  });
});

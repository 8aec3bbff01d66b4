import type { WorkspacePreferences } from '@plumbline/protocol';
import { describe, expect, it } from 'vitest';
import { KeptPreferences, readPreferences } from './preferences.ts';
import { SteppedTime } from './steppedTime.fixture.ts';

const DEFAULTS = readPreferences(null);

describe('what a person chose for the workspace', () => {
  it('comes back as it was kept', () => {
    const chosen = { ...DEFAULTS, autoSave: true, layout: '{}' };
    expect(readPreferences(chosen)).toEqual(chosen);
  });

  it('keeps what can be read of another version’s, without its layout, and is the default for anything else', () => {
    expect(readPreferences({ version: 9, wordWrap: true, tourSeen: 3, layout: '{}' })).toEqual({ ...DEFAULTS, wordWrap: true });
    for (const kept of [null, 'nonsense', [], 7, { autoSave: 'yes' }]) expect(readPreferences(kept)).toEqual(DEFAULTS);
  });
});

describe('the keeping of it', () => {
  function page(held = new Map<string, string>(), save = async (_: WorkspacePreferences): Promise<void> => {}) {
    const time = new SteppedTime();
    const saved: WorkspacePreferences[] = [];
    const kept = new KeptPreferences({
      time,
      unsent: () => ({
        getItem: (key) => held.get(key) ?? null,
        setItem: (key, value) => void held.set(key, value),
        removeItem: (key) => void held.delete(key),
      }),
      save: async (chosen) => {
        await save(chosen);
        saved.push(chosen);
      },
    });
    return { kept, saved, held, time };
  }

  it('writes once for many changes, when they have come to rest, and nothing by itself', async () => {
    const { kept, saved, time, held } = page();
    kept.begin('me', { ...DEFAULTS, wordWrap: true });
    await time.step(60_000);
    expect(saved).toEqual([]);
    for (const layout of ['a', 'b', 'c']) kept.choose({ layout });
    await time.step(1_000);
    expect(saved).toEqual([{ ...DEFAULTS, wordWrap: true, layout: 'c' }]);
    expect(held.size).toBe(0);
    // The same page drawn again, with what it was given at first.
    kept.begin('me', null);
    expect(kept.get().layout).toBe('c');
  });

  it('finds after a reload what was not saved before it, for the same person alone', async () => {
    const first = page();
    first.kept.begin('me', null);
    first.kept.choose({ autoSave: true });
    const other = page(new Map(first.held));
    other.kept.begin('somebody else', null);
    expect(other.kept.get().autoSave).toBe(false);
    const reloaded = page(first.held);
    reloaded.kept.begin('me', null);
    expect(reloaded.kept.get().autoSave).toBe(true);
    await reloaded.time.step(1_000);
    expect(reloaded.saved).toHaveLength(1);
  });

  it('tries again where the platform is away', async () => {
    let away = true;
    const { kept, saved, time } = page(undefined, () => (away ? Promise.reject(new Error('away')) : Promise.resolve()));
    kept.begin('me', null);
    kept.choose({ wordWrap: true });
    await time.step(1_000);
    expect(saved).toEqual([]);
    away = false;
    await time.step(60_000);
    expect(saved).toMatchObject([{ wordWrap: true }]);
  });
});

import { lenientStorage } from '@plumbline/ui/browserStorage';
import { describe, expect, it } from 'vitest';
import { forgetOpenLists, OpenList } from './openList.ts';
import type { ClaimName } from './tabIdentity.ts';

function memory() {
  const kept = new Map<string, string>();
  return lenientStorage(() => ({
    getItem: (key) => kept.get(key) ?? null,
    setItem: (key, value) => void kept.set(key, value),
    removeItem: (key) => void kept.delete(key),
  }));
}

/** A browser whose tabs are live until they are closed. */
function browser() {
  const live = new Set<string>();
  const browserStorage = memory();
  const claim: ClaimName = async (name) => (live.has(name) ? null : () => {});
  const open = (tab: string, attemptId = 'attempt', tabStorage = memory()) => {
    live.add(`plumbline-tab-${tab}`);
    const list = new OpenList({ attemptId, tab, tabStorage, browserStorage, claim });
    return {
      list,
      close: () => live.delete(`plumbline-tab-${tab}`),
      reload: () => open(tab, attemptId, tabStorage),
    };
  };
  return { open, browserStorage };
}

describe('which files are open', () => {
  it('is known after a reload, whatever another tab keeps', async () => {
    const { open } = browser();
    const one = open('one');
    one.list.keep('a');
    open('two').list.keep('b');
    expect(await one.reload().list.last()).toBe('a');
  });

  it('is known in the next tab once the one that had them is closed, and not while it has', async () => {
    const { open } = browser();
    const evening = open('evening');
    evening.list.keep('a');
    expect(await open('beside').list.last()).toBeNull();
    evening.close();
    const morning = open('morning');
    morning.list.keep('opened at once');
    expect(await morning.list.last()).toBe('a');
  });

  it('is not known where the browser kept something else', async () => {
    const { open, browserStorage } = browser();
    for (const kept of ['', 'nonsense', 'null', '[]', '{}', '{"tab":7,"list":"a"}', '{"tab":"gone","list":{"paths":[]}}']) {
      browserStorage.setItem('plumbline.open.attempt', kept);
      expect(await open('next').list.last(), kept).toBeNull();
    }
  });

  it('is forgotten with an attempt that is over', async () => {
    const { open, browserStorage } = browser();
    const last = open('last');
    last.list.keep('a');
    last.close();
    forgetOpenLists(['attempt'], browserStorage);
    expect(await open('next').list.last()).toBeNull();
  });

  it('is known of the same attempt alone', async () => {
    const { open } = browser();
    const first = open('first');
    first.list.keep('a');
    first.close();
    expect(await open('second', 'another').list.last()).toBeNull();
  });
});

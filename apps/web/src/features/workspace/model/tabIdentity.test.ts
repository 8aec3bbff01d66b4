import { describe, expect, it } from 'vitest';
import { type ClaimName, randomId, takeTabIdentity } from './tabIdentity.ts';

class MemoryStorage {
  readonly items = new Map<string, string>();
  getItem = (key: string) => this.items.get(key) ?? null;
  setItem = (key: string, value: string) => void this.items.set(key, value);
}

function locks(): ClaimName {
  const taken = new Set<string>();
  return async (name) => {
    if (taken.has(name)) return null;
    taken.add(name);
    return () => taken.delete(name);
  };
}

const take = (storage: MemoryStorage, claim: ClaimName, wait: (ms: number) => Promise<void> = async () => {}) =>
  takeTabIdentity('attempt', storage as unknown as Storage, claim, wait);

describe('the identity of a tab', () => {
  it('survives a reload with its numbers', async () => {
    const storage = new MemoryStorage();
    const claim = locks();
    const first = await take(storage, claim);
    first.eventNumbers.write(7);
    first.release();
    const second = await take(storage, claim);
    expect(second.id).toBe(first.id);
    expect(second.eventNumbers.read()).toBe(7);
  });

  it('is new for a duplicated tab, whose numbers begin at 1', async () => {
    const storage = new MemoryStorage();
    const claim = locks();
    const first = await take(storage, claim);
    first.inputNumbers.write(9);
    const copy = new MemoryStorage();
    for (const [key, value] of storage.items) copy.setItem(key, value);
    const second = await take(copy, claim);
    expect(second.id).not.toBe(first.id);
    expect(second.inputNumbers.read()).toBe(1);
  });

  it('waits for the old page of a reload to let go', async () => {
    const storage = new MemoryStorage();
    const claim = locks();
    const first = await take(storage, claim);
    let waits = 0;
    const second = await take(storage, claim, async () => {
      waits += 1;
      if (waits === 2) first.release();
    });
    expect(second.id).toBe(first.id);
  });

  it('is a UUID', () => {
    expect(randomId()).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  });
});

import { expect, it, vi } from 'vitest';
import { lenientStorage } from './browserStorage.ts';

function store(values: Map<string, string>, full = () => false) {
  return {
    getItem: (key: string) => values.get(key) ?? null,
    setItem: (key: string, value: string) => {
      if (full()) throw new DOMException('full', 'QuotaExceededError');
      values.set(key, value);
    },
    removeItem: (key: string) => void values.delete(key),
  };
}

it('a store that is full keeps what it had, the page the rest, and it takes up again what there is room for', () => {
  const values = new Map([['a', 'old']]);
  let isFull = true;
  const refused = vi.fn();
  const storage = lenientStorage(() => store(values, () => isFull), refused);
  storage.setItem('a', 'new');
  expect(storage.getItem('a')).toBe('new');
  expect(values.get('a')).toBe('old');
  expect(refused).toHaveBeenCalledTimes(1);
  isFull = false;
  storage.setItem('a', 'newer');
  expect(values.get('a')).toBe('newer');
  storage.removeItem('a');
  expect(storage.getItem('a')).toBeNull();
});

it('a store that is switched off holds nothing and keeps what is given to it while the page lives', () => {
  const storage = lenientStorage(
    () => {
      throw new DOMException('no', 'SecurityError');
    },
    () => {},
  );
  expect(storage.getItem('a')).toBeNull();
  storage.setItem('a', '1');
  expect(storage.getItem('a')).toBe('1');
  storage.removeItem('a');
  expect(storage.getItem('a')).toBeNull();
});

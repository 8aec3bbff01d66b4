import type { DirectoryEntry } from '@plumbline/protocol';
import { describe, expect, it } from 'vitest';
import { inOrder } from './nameOrder.ts';

const entry = (name: string, kind: DirectoryEntry['kind'] = 'file', size = 0): DirectoryEntry => ({ name, kind, size, modifiedMs: 0 });
const namesOf = (entries: DirectoryEntry[]) => entries.map(({ name }) => name);
const shuffled = Array.from({ length: 10_000 }, (_, n) => entry(`file${(n * 7_919) % 10_000}`));

describe('the order of a folder', () => {
  it('has folders first, and numbers by their value', async () => {
    const entries = [entry('b10'), entry('B9'), entry('a'), entry('z', 'directory'), entry('.git', 'directory'), entry('é'), entry('f')];
    expect(namesOf(await inOrder(entries, [], async () => {}))).toEqual(['.git', 'z', 'a', 'B9', 'b10', 'é', 'f'].sort(byHand(entries)));
  });

  it('rests while it sorts many', async () => {
    let rests = 0;
    const rest = async () => {
      rests += 1;
    };
    const sorted = await inOrder(shuffled, [], rest);
    expect(namesOf(sorted)).toEqual(shuffled.map((_, n) => `file${n}`));
    expect(rests).toBeGreaterThan(3);
  });

  it('takes over what it knows, as it is now, and puts what is new in its place', async () => {
    const before = await inOrder(shuffled, [], async () => {});
    let rests = 0;
    const rest = async () => {
      rests += 1;
    };
    const now = [...shuffled.slice(1), entry('file5000a'), entry('file77', 'directory')].map((one) => ({ ...one, size: 1 }));
    const after = await inOrder(now, before, rest);
    expect(after).toEqual(await inOrder(now, [], async () => {}));
    expect(after[0]).toEqual(entry('file77', 'directory', 1));
    expect(rests).toBe(0);
  });
});

function byHand(entries: DirectoryEntry[]) {
  const isFolder = (name: string) => entries.some((one) => one.name === name && one.kind === 'directory');
  return (a: string, b: string) => Number(isFolder(b)) - Number(isFolder(a)) || a.localeCompare(b, undefined, { numeric: true });
}

import { setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '@plumbline/core';
import { FILE_PART_MAX_BYTES } from '@plumbline/protocol';
import { describe, expect, it } from 'vitest';
import type { Ask } from './ask.ts';
import { SteppedTime } from './steppedTime.fixture.ts';
import { shownTransfers, type Transfer, Transfers } from './transfers.ts';

const MIB = 1024 * 1024;
const MOST_TURNS = 10_000;

/** A sandbox that keeps what is uploaded, and breaks the link where it is told to. */
function sandbox({ taken = [] as string[], breaksAt = [] as number[], losesAnswerAt = 0, size: saidSize = null as number | null } = {}) {
  const files = new Map<string, Uint8Array>();
  const parts = new Map<string, Uint8Array[]>();
  const size = (list: Uint8Array[]) => list.reduce((sum, part) => sum + part.length, 0);
  const offsets: number[] = [];
  let calls = 0;
  const ask = (async (act: string, args: Record<string, unknown>) => {
    calls += 1;
    if (act === 'file.upload') offsets.push(Number(args.offset));
    if (breaksAt.includes(calls)) throw new AppError('unavailable', 'The connection was lost before the answer came.');
    if (act === 'file.download') return { archive: null, size: saidSize ?? files.get(String(args.path))?.length ?? 0, skipped: 0 };
    if (act === 'file.range') {
      const bytes = files.get(String(args.path)) ?? new Uint8Array();
      const offset = Number(args.offset);
      return { data: Buffer.from(bytes.subarray(offset, offset + Number(args.length))).toString('base64'), size: bytes.length };
    }
    if (act === 'file.dropUpload') return {};
    const path = String(args.path);
    if (taken.includes(path) && args.replace !== true) throw new AppError('conflict', 'Something of that name exists already.');
    const list = parts.get(String(args.upload)) ?? [];
    parts.set(String(args.upload), list);
    if (size(list) !== args.offset) return { received: size(list), hash: null };
    list.push(Buffer.from(String(args.data), 'base64'));
    if (calls === losesAnswerAt) throw new AppError('unavailable', 'The connection was lost before the answer came.');
    if (size(list) < Number(args.total)) return { received: size(list), hash: null };
    files.set(path, Buffer.concat(list));
    return { received: size(list), hash: 'h' };
  }) as unknown as Ask;
  return { files, offsets, ask };
}

function transfersWith(world: ReturnType<typeof sandbox>) {
  const time = new SteppedTime();
  const saved: { name: string; bytes: Buffer }[] = [];
  const transfers = new Transfers({
    tab: 'tab',
    ask: world.ask,
    time,
    onUploaded: () => {},
    save: (name, list) => saved.push({ name, bytes: Buffer.concat(list) }),
  });
  const until = async (state: Transfer['state']) => {
    // By turns, not by the clock: a busy machine reads a file's bytes as late as it likes.
    const now = () => transfers.store.get().at(-1)?.state;
    for (let turn = 0; turn < MOST_TURNS && now() !== state; turn += 1) {
      await time.step(2_000);
      await sleep(1);
    }
    expect(now()).toBe(state);
  };
  return { transfers, saved, until };
}

const bytes = (length: number) => Uint8Array.from({ length }, (_, i) => i % 251);

describe('files on their way up and down', () => {
  it('arrive byte for byte, however often the link breaks', async () => {
    const world = sandbox({ breaksAt: [1, 3, 4, 7] });
    const { transfers, until } = transfersWith(world);
    const content = bytes(2 * MIB + 17);
    transfers.upload([{ path: 'data/model.bin', file: new File([content], 'model.bin') }]);
    await until('done');
    expect(Buffer.compare(world.files.get('data/model.bin') ?? Buffer.of(), content)).toBe(0);
  });

  it('go on where they stood after a break: nothing that has arrived is sent again, also where its answer was lost', async () => {
    const world = sandbox({ breaksAt: [4], losesAnswerAt: 5 });
    const { transfers, until } = transfersWith(world);
    transfers.upload([{ path: 'model.bin', file: new File([bytes(2 * MIB)], 'model.bin') }]);
    await until('done');
    const part = FILE_PART_MAX_BYTES;
    // The first asks, the fourth broke, and the fifth was taken and not answered.
    expect(world.offsets).toEqual([0, 0, part, 2 * part, 2 * part, 2 * part, 3 * part]);
    expect(Buffer.compare(world.files.get('model.bin') ?? Buffer.of(), bytes(2 * MIB))).toBe(0);
  });

  it('never replace what is there before somebody said so', async () => {
    const world = sandbox({ taken: ['a.txt'] });
    const { transfers, until } = transfersWith(world);
    transfers.upload([{ path: 'a.txt', file: new File(['new'], 'a.txt') }]);
    await until('exists');
    expect(world.files.has('a.txt')).toBe(false);
    transfers.replace(transfers.store.get()[0]?.id ?? 0);
    await until('done');
    expect(Buffer.from(world.files.get('a.txt') ?? []).toString()).toBe('new');
  });

  it('are handed over whole when they come down', async () => {
    const world = sandbox({ breaksAt: [3] });
    world.files.set('out/log.txt', bytes(MIB + 5));
    const { transfers, saved, until } = transfersWith(world);
    void transfers.download('out/log.txt');
    await until('done');
    expect(saved).toHaveLength(1);
    expect(saved[0]?.name).toBe('log.txt');
    expect(Buffer.compare(saved[0]?.bytes ?? Buffer.of(), bytes(MIB + 5))).toBe(0);
  });

  it('stop where they are cancelled', async () => {
    const world = sandbox({ breaksAt: Array.from({ length: 1_000 }, (_, i) => i + 2) });
    const { transfers, until } = transfersWith(world);
    transfers.upload([{ path: 'a.bin', file: new File([bytes(MIB)], 'a.bin') }]);
    await until('running');
    transfers.cancel(transfers.store.get()[0]?.id ?? 0);
    await until('cancelled');
    expect(world.files.size).toBe(0);
  });
});

it('a file that would not fit into the browser’s memory is not begun, and what to do instead is said', async () => {
  const { transfers, saved, until } = transfersWith(sandbox({ size: 1024 * MIB + 1 }));
  void transfers.download('model.bin');
  await until('failed');
  expect(transfers.store.get()[0]).toMatchObject({ doneBytes: 0, error: expect.stringMatching(/split/) });
  expect(saved).toEqual([]);
});

it('of thousands of files some are drawn, what asks something before what needs nobody, and the others are counted', () => {
  const transfer = (id: number, state: Transfer['state']): Transfer => ({
    ...{ id, direction: 'upload', path: `f${id}`, doneBytes: 0, totalBytes: 1, error: null },
    state,
  });
  const list = Array.from({ length: 5_000 }, (_, n) => transfer(n + 1, n < 2_000 ? 'done' : n === 2_000 ? 'running' : 'waiting'));
  list[10] = transfer(11, 'failed');
  list[4_000] = transfer(4_001, 'exists');
  const { shown, waiting, ended } = shownTransfers(list);
  expect(shown.slice(0, 3).map(({ id, state }) => `${id} ${state}`)).toEqual(['11 failed', '2001 running', '2002 waiting']);
  expect(shown.at(-1)).toMatchObject({ id: 4_001, state: 'exists' });
  expect([shown.length, waiting, ended]).toEqual([50, 2_998 - 47, 1_999]);
  expect(shownTransfers(list.slice(0, 50))).toMatchObject({ shown: list.slice(0, 50), waiting: 0, ended: 0 });
});

it('thousands of files that are dropped at once change the list no oftener than they change', async () => {
  const { transfers } = transfersWith(sandbox());
  let changes = 0;
  transfers.store.subscribe(() => {
    changes += 1;
  });
  transfers.upload(Array.from({ length: 5_000 }, (_, n) => ({ path: `f${n}`, file: new File(['x'], `f${n}`) })));
  expect(transfers.store.get()).toHaveLength(5_000);
  expect(changes).toBeLessThan(5);
  transfers.stop();
});

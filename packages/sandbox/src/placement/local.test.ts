import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { temporaryFolder } from '@plumbline/testing';
import { expect, test } from 'vitest';
import { localPlacement } from './local.ts';

test('a record that a loss of power emptied or cut short is no runner, and keeps no other attempt of its host from being listed', async () => {
  const folder = await temporaryFolder();
  try {
    const at = (name: string) => join(folder.path, name);
    const placement = localPlacement({
      runnersDir: at('runners'),
      imageDir: at('images'),
      assetsDir: at('assets'),
      runnerEntry: at('main.ts'),
    });
    const ids = ['11111111-1111-4111-8111-111111111111', '22222222-2222-4222-8222-222222222222'];
    for (const [n, id] of ids.entries()) {
      await mkdir(at(`runners/${id}`), { recursive: true });
      await writeFile(at(`runners/${id}/runner.json`), ['', '{"placement":"local","pid":'][n] as string);
    }
    expect(await placement.list()).toEqual([]);
    for (const id of ids) expect(await placement.find(id)).toBeNull();
  } finally {
    await folder.remove();
  }
});

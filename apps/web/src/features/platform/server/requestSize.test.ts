import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { AppError } from '@plumbline/core';
import { expect, it } from 'vitest';
import { assertShort } from './requestSize.ts';

const API = join(import.meta.dirname, '../../../app/api');

const take = (headers: Record<string, string>) => () => assertShort({ headers: new Headers(headers) });

it('a request is read where its body is as short as those of pages, and none that is longer or does not say', () => {
  for (const bytes of ['0', '1048576']) expect(take({ 'content-length': bytes })).not.toThrow();
  expect(take({})).not.toThrow();
  for (const bytes of ['1048577', 'many']) expect(take({ 'content-length': bytes })).toThrow(AppError);
  expect(take({ 'transfer-encoding': 'chunked' })).toThrow(AppError);
});

it('every route that changes something looks where a request is from and how large it is, before it reads it', () => {
  const changing = globSync('**/route.ts', { cwd: API }).filter((path) => / POST\b/.test(readFileSync(join(API, path), 'utf8')));
  expect(changing).toHaveLength(3);
  for (const path of changing) {
    const looks = /assertSameOrigin\(request, .*\);\n\s*assertShort\(request\);/;
    expect(readFileSync(join(API, path), 'utf8'), path).toMatch(looks);
  }
});

import { JSON_LEVELS_MAX } from '@plumbline/core';
import { expect, it } from 'vitest';
import { scoreOutcome } from './scoring.ts';

const nested = (levels: number) => JSON.parse(`${'['.repeat(levels)}1${']'.repeat(levels)}`) as unknown;
const scored = (message: unknown, details: unknown) =>
  scoreOutcome({ ok: true, value: { score: 0.5, message, details }, output: 'printed', durationMs: 7 });

it('a scorer’s message or details that nest too deep to be recorded are bad output, with words', () => {
  for (const [message, details] of [
    [nested(5_000), {}],
    [{ a: nested(100_000) }, {}],
    [{}, nested(JSON_LEVELS_MAX + 1)],
  ]) {
    const row = scored(message, details);
    expect(row).toMatchObject({ status: 'bad_output', score: null, details: {}, output: 'printed', durationMs: 7 });
    expect(row.message).toEqual({ reason: expect.stringContaining('nested too deep') });
  }
  expect(scored(nested(JSON_LEVELS_MAX), nested(JSON_LEVELS_MAX))).toMatchObject({ status: 'scored', score: 0.5 });
});

it('a score of None is, like NaN, what its message says: logs in JSON have no NaN', () => {
  const row = (message: unknown) => scoreOutcome({ ok: true, value: { score: null, message, details: {} }, output: '', durationMs: 1 });
  expect(row({ reason: 'no number' })).toMatchObject({ status: 'invalid_submission', score: null, message: { reason: 'no number' } });
  expect(row({ timeout: true })).toMatchObject({ status: 'timed_out', score: null });
  expect(row({ out_of_memory: true })).toMatchObject({ status: 'out_of_memory', score: null });
  expect(row({})).toMatchObject({ status: 'nan', message: { reason: expect.stringContaining('judged by a person') } });
});

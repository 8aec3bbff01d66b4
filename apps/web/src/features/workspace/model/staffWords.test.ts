import { expect, it } from 'vitest';
import { staffWords } from './staffWords.ts';

it('each act of staff is told with who did it and why', () => {
  expect([
    staffWords({ kind: 'paused', reason: 'a disk is full' }),
    staffWords({ kind: 'resumed', reason: 'It is there.' }),
    staffWords({ kind: 'adjusted', reason: 'a slow disk', creditMs: 600_000 }),
    staffWords({ kind: 'adjusted', reason: 'too many', creditMs: -60_000 }),
    staffWords({ kind: 'stopped', reason: 'by agreement' }),
  ]).toEqual([
    'Staff paused your attempt: a disk is full.',
    'Staff resumed your attempt: It is there.',
    'Staff gave you 10 min: a slow disk.',
    'Staff took 1 min off your time: too many.',
    'Staff stopped your attempt: by agreement.',
  ]);
});

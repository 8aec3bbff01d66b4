import { describe, expect, it } from 'vitest';
import type { AttemptState } from './attemptState.ts';
import type { ClockEvent, ClockEventBody } from './clock.ts';
import { lastStaffEvent, openStaffPause, staffClockActs } from './staffClock.ts';

const OWNER = 'owner';
const events = (...bodies: [ClockEventBody, string | null][]) =>
  bodies.map(([body, by], at) => ({ ...body, n: at + 1, atMs: at, by }) as ClockEvent);
const pausedByStaff: [ClockEventBody, string] = [{ kind: 'paused', reason: 'platform', note: 'a disk is full' }, 'admin'];

describe('what staff did to a clock', () => {
  it('is told as the newest of it, and nothing that the participant or the platform did is', () => {
    const own = events(
      [{ kind: 'started' }, OWNER],
      [{ kind: 'paused', reason: 'break' }, OWNER],
      [{ kind: 'resumed', reason: 'the cap' }, null],
    );
    expect(lastStaffEvent(own, OWNER)).toBeNull();
    expect(lastStaffEvent(events([{ kind: 'adjusted', creditMs: 5_000, reason: 'gaps' }, null]), OWNER)).toBeNull();
    const both = events([{ kind: 'adjusted', creditMs: 60_000, reason: 'a slow disk' }, 'admin'], [{ kind: 'submitted' }, OWNER]);
    expect(lastStaffEvent(both, OWNER)).toEqual({ n: 1, kind: 'adjusted', reason: 'a slow disk', creditMs: 60_000 });
    expect(lastStaffEvent(events([{ kind: 'stopped', reason: 'cheating' }, 'admin']), null)).toMatchObject({ kind: 'stopped' });
  });

  it('is a pause of theirs until they end it, and the participant’s own pause after that is the participant’s', () => {
    const theirs = events([{ kind: 'started' }, OWNER], pausedByStaff);
    expect(openStaffPause('paused', theirs, OWNER)).toEqual({ n: 2, kind: 'paused', reason: 'a disk is full' });
    expect(openStaffPause('running', theirs, OWNER)).toBeNull();
    const own = events(pausedByStaff, [{ kind: 'resumed', reason: 'repaired' }, 'admin'], [{ kind: 'paused', reason: 'break' }, OWNER]);
    expect(openStaffPause('paused', own, OWNER)).toBeNull();
  });
});

it('staff are offered in each state what its clock takes, and never to end a pause of the participant’s own', () => {
  const own = events([{ kind: 'started' }, OWNER], [{ kind: 'paused', reason: 'break' }, OWNER]);
  const actsIn = (state: AttemptState, of = own) => staffClockActs(state, of, OWNER);
  expect(actsIn('ready')).toEqual([]);
  expect(actsIn('running')).toEqual(['pause', 'adjust', 'stop']);
  expect(actsIn('paused')).toEqual(['adjust', 'stop']);
  expect(actsIn('paused', events(pausedByStaff))).toEqual(['resume', 'adjust', 'stop']);
  expect(actsIn('finalising')).toEqual(['adjust']);
  expect(actsIn('completed')).toEqual(['adjust']);
  expect(actsIn('void')).toEqual([]);
});

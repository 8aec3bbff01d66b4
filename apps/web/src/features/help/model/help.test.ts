import { channelOf, EVENTS, type EventType } from '@plumbline/protocol';
import { expect, it } from 'vitest';
import { RECORDED } from './help.ts';

it('the page of what is recorded tells of every channel of the recording, and of none that there is not', () => {
  const channels = new Set((Object.keys(EVENTS) as EventType[]).map(channelOf));
  expect(new Set(RECORDED.flatMap(({ of }) => of))).toEqual(channels);
});

import { EVENTS, type EventData, type EventType, isForParticipant } from '@plumbline/protocol';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { GatewayRig } from './gateway.fixture.ts';

let rig: GatewayRig;
beforeAll(async () => {
  rig = await GatewayRig.start();
});
afterAll(() => rig.stop());

const name = (digit: string, length = 64) => `5ec7e7${digit}`.padEnd(length, digit);
const costs = { promptTokens: 1, completionTokens: 1, costUsd: 0, durationMs: 1 };

/** An event of each type that is for staff alone, with something in it that stands nowhere else. A new type must have one here. */
const SECRETS: { [T in EventType]?: { secret: string; data: EventData<T> } } = {
  'snapshot.taken': {
    secret: name('0', 40),
    data: { cause: 'save', tree: name('0', 40), commit: name('0', 40), bundle: name('0'), base: null, files: 1, bytes: 1, skipped: [] },
  },
  'submission.captured': { secret: name('1'), data: { scoreId: 's', hash: name('1'), bytes: 1, files: 1, packages: [] } },
  'blob.lost': { secret: name('2'), data: { hash: name('2'), bytes: 1, reason: 'damaged' } },
  'score.details': {
    secret: name('3'),
    data: { scoreId: 's', details: {}, output: name('3'), scorerHash: '', hashBefore: '', hashAfter: '' },
  },
  'connection.attached': { secret: name('4'), data: { tab: name('4'), role: 'viewer' } },
  'connection.detached': { secret: name('5'), data: { tab: name('5'), role: 'viewer' } },
  'connection.resumed': { secret: name('6'), data: { tab: name('6') } },
  'connection.latency': { secret: name('7'), data: { tab: name('7'), roundTripMs: 1 } },
  'connection.gap': { secret: name('8'), data: { source: name('8'), from: 1, to: 1, reason: 'r' } },
  'model.call': {
    secret: name('9'),
    data: { asker: 'scorer', model: 'm', status: 200, ...costs, leftUsd: 1, request: name('9'), response: '' },
  },
  'agent.asked': { secret: name('a'), data: { n: 1, model: 'm', ...costs, request: name('a'), response: '' } },
  'agent.called': { secret: name('b'), data: { call: name('b'), n: 1, tool: 't', arguments: {} } },
  'agent.returned': { secret: name('c'), data: { call: name('c'), durationMs: 1, result: '' } },
  'network.sample': { secret: name('d'), data: { receivedBytes: 1, sentBytes: 1, peers: [{ address: name('d'), port: 1 }] } },
};

it('nothing of an event that is for staff alone reaches a tab, live or when it comes back, and all of it is recorded', async () => {
  const types = (Object.keys(EVENTS) as EventType[]).filter((type) => !isForParticipant(type));
  expect(Object.keys(SECRETS).sort()).toEqual(types.sort());
  const { attemptId, userId } = await rig.attempt();
  const runner = await rig.runner(attemptId);
  const tab = await rig.tab({ attemptId, userId });
  const events = Object.entries(SECRETS);
  for (const [i, [type, { data }]] of events.entries()) runner.send({ t: 'event', n: i + 1, atMs: i + 1, type, stream: 0, data });
  runner.says(events.length + 1);
  await runner.next('ack', ({ n }) => n === events.length + 1);
  // What is told after them on the same socket has come.
  await tab.next('resources');
  const again = await rig.tab({ attemptId, userId });
  await again.next('welcome');
  const told = JSON.stringify([tab.told, again.told]);
  const recorded = JSON.stringify(await rig.recorded(attemptId));
  for (const [type, { secret }] of events) {
    expect(recorded, `${type} is recorded`).toContain(secret);
    expect(told, `${type} reaches no tab`).not.toContain(secret);
  }
});

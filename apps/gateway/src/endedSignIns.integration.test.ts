import { once } from 'node:events';
import { disableUser, enableUser } from '@plumbline/database';
import { CLOSE_CODES, PROTOCOL_VERSION } from '@plumbline/protocol';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { GatewayRig } from './gateway.fixture.ts';

/** Sign-ins that end without a word of it here, as where a notification is lost: the rig listens to none. */

let rig: GatewayRig;
beforeAll(async () => {
  rig = await GatewayRig.start();
});
afterAll(() => rig.stop());

const hello = JSON.stringify({
  t: 'hello',
  protocol: PROTOCOL_VERSION,
  tab: 'b5a1c0de-0000-4000-8000-000000000001',
  firstEventN: 1,
  firstInputN: 1,
});

/** A page's socket that was let in, and has said nothing yet. */
async function silentPage(attempt: { attemptId: string; userId: string }) {
  const socket = await rig.browser(attempt);
  await once(socket, 'open');
  await expect.poll(() => rig.db.prisma.ticket.count({ where: { userId: attempt.userId, usedAt: null } })).toBe(0);
  return socket;
}

it('let nobody in whose socket was opened before and says hello after', async () => {
  const attempt = await rig.attempt();
  const socket = await silentPage(attempt);
  await disableUser(rig.db, attempt.userId, { by: null });
  const closed = once(socket, 'close');
  socket.send(hello);
  expect((await closed)[0]).toBe(CLOSE_CODES.ticket_invalid);
});

it('end all sockets that were opened with them, greeted or not, once notifications are heard again, and no others', async () => {
  const [attempt, other] = [await rig.attempt(), await rig.attempt()];
  const [tab, kept] = [await rig.tab(attempt), await rig.tab(other)];
  const ungreeted = await silentPage(attempt);
  await disableUser(rig.db, attempt.userId, { by: null });
  // Whoever may sign in again has to.
  await enableUser(rig.db, attempt.userId, { by: null });
  const closed = Promise.all([once(tab.socket, 'close'), once(ungreeted, 'close')]);
  await rig.heardAgain();
  expect((await closed).map(([code]) => code)).toEqual([CLOSE_CODES.ticket_invalid, CLOSE_CODES.ticket_invalid]);
  expect(kept.socket.readyState).toBe(kept.socket.OPEN);
});

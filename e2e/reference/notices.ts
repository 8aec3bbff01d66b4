import type { BrowserContext, WebSocketRoute } from '@playwright/test';
import { refuseToKeep, WorkspacePage } from '../support/workspacePage.ts';
import type { Take } from './names.ts';

const GIB = 1024 ** 3;

/** What is said of a sandbox and of a browser that are short of something, as they would say it themselves. */
export async function picturesOfNotices(context: BrowserContext, attemptId: string, take: Take): Promise<void> {
  const told = await context.newPage();
  let own: WebSocketRoute | null = null;
  const tell = (message: object) => own?.send(JSON.stringify(message));
  let diskIsShort = false;
  await told.routeWebSocket(/realtime\/attempt/, (socket) => {
    // A later one brings what tabs that are gone had not sent, and ends.
    own ??= socket;
    socket.connectToServer().onMessage((data) => {
      const message = typeof data === 'string' ? JSON.parse(data) : {};
      if (message.t !== 'resources' || !diskIsShort) return socket.send(data);
      tell({ ...message, sample: { ...message.sample, diskBytes: 99 * GIB, diskFreeBytes: GIB / 4 } });
    });
  });
  await told.goto(`/attempts/${attemptId}/work`);
  await new WorkspacePage(told).terminal(1).waitFor();
  tell({ t: 'outputLimited' });
  await told.getByTestId('banner-output').waitFor();
  await take(told, 'output-limited');
  await told.getByTestId('banner-output').getByRole('button', { name: 'Understood' }).click();
  diskIsShort = true;
  await told.getByTestId('banner-disk').waitFor();
  await take(told, 'disk-nearly-full');
  // A runner whose own disk is full counts as away.
  tell({ t: 'sandbox', state: 'away' });
  await told.getByTestId('banner-sandbox').waitFor();
  await take(told, 'sandbox-away');
  await told.close({ runBeforeUnload: false });

  const full = await context.newPage();
  await refuseToKeep(full);
  await full.goto(`/attempts/${attemptId}/work`);
  await new WorkspacePage(full).type(1, ' ');
  await take(full, 'keeps-nothing', () => full.getByText(/storage is full or switched off/).hover());
  await full.close({ runBeforeUnload: false });
}

import type { BrowserContext } from '@playwright/test';
import type { Take } from './names.ts';

/** What panels ask the gateway for. */
const READING_ACTS = new Set(['file.list', 'file.search', 'instructions', 'notes', 'port.list']);

/** What panels say while they read, and where that fails: two of them at a time, since one stands at each side. */
export async function picturesOfReading(context: BrowserContext, attemptId: string, take: Take): Promise<void> {
  const page = await context.newPage();
  const held: (() => void)[] = [];
  let isFailing = false;
  await page.routeWebSocket(/realtime\/attempt/, (socket) => {
    const server = socket.connectToServer();
    socket.onMessage((message) => {
      const { t, id, act } = typeof message === 'string' ? JSON.parse(message) : { t: 'bytes' };
      if (t !== 'request' || !READING_ACTS.has(act)) return server.send(message);
      const error = { code: 'sandbox_unavailable', message: 'The sandbox does not answer at the moment.' };
      const fail = () => socket.send(JSON.stringify({ t: 'reply', id, error }));
      if (isFailing) fail();
      else held.push(fail);
    });
  });
  await page.route(/attempt\.get/, (route) => route.abort());
  const show = async (...panels: string[]) => {
    for (const panel of panels) await page.getByTestId(`tab-${panel}`).click();
  };
  await page.goto(`/attempts/${attemptId}/work`);
  // Whatever was in front when this person was here last.
  await show('files', 'instructions');
  await page.getByText('Reading the instructions').waitFor();
  await take(page, 'files-instructions-loading');
  await show('search', 'notes');
  await page.getByTestId('search-query').fill('def');
  await page.getByText('Searching').waitFor();
  await take(page, 'search-notes-loading');
  isFailing = true;
  for (const fail of held) fail();
  await page.getByText('The notes could not be read.').waitFor();
  await take(page, 'search-notes-failed');
  await show('files', 'instructions');
  await page.getByTestId('explorer-tree').getByTestId('read-again').waitFor();
  await take(page, 'files-instructions-failed');
  await show('ports');
  await page.getByTestId('ports-panel').getByTestId('read-again').waitFor();
  await take(page, 'ports-failed');
  await show('clock');
  await page.getByTestId('clock-panel').getByTestId('read-again').waitFor();
  await take(page, 'clock-failed');
  await show('instructions');
  await page.close({ runBeforeUnload: false });
}

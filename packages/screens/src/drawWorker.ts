import { parentPort } from 'node:worker_threads';
import { drawScreen } from './drawScreen.ts';
import type { FromDrawing, ToDrawing } from './screenDrawing.ts';

/** The thread that draws for `ScreenDrawing`: one screen at a time, and of a stopped one what is drawn by then. */

const port = parentPort;
if (port === null) throw new Error('the drawing worker runs as a worker thread only');

let isStopped = false;

port.on('message', (message: ToDrawing) => {
  if (message.t === 'stop') {
    isStopped = true;
    return;
  }
  isStopped = false;
  port.postMessage({ t: 'begun' } satisfies FromDrawing);
  const untilMs = performance.now() + message.withinMs;
  // What goes wrong ends the thread, which answers too.
  void drawScreen(message.base, message.steps, () => isStopped || performance.now() > untilMs).then((drawn) =>
    port.postMessage({ t: 'drawn', drawn } satisfies FromDrawing),
  );
});

port.postMessage({ t: 'ready' } satisfies FromDrawing);

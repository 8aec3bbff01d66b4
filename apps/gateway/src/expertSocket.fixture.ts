import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createSession, type Database, mintTicket } from '@plumbline/database';
import {
  encodeInputFrame,
  GatewayToBrowser,
  PROTOCOL_VERSION,
  type RequestAct,
  type RequestArgs,
  type RequestResult,
} from '@plumbline/protocol';
import { WebSocket } from 'ws';

/** For tests: an expert's sockets to a gateway that is a process of its own. */

interface GatewayAt {
  readonly db: Database;
  readonly port: number;
  readonly origin: string;
}

async function openSocket({ db, port, origin }: GatewayAt, userId: string, attemptId: string): Promise<WebSocket> {
  const sessionId = await createSession(db, userId);
  const { ticket } = await mintTicket(db, { userId, sessionId, attemptId, purpose: 'participate' });
  const socket = new WebSocket(`ws://127.0.0.1:${port}/realtime/attempt?ticket=${ticket}`, { headers: { origin } });
  await once(socket, 'open').catch((error: unknown) => {
    socket.terminate();
    throw error;
  });
  socket.send(JSON.stringify({ t: 'hello', protocol: PROTOCOL_VERSION, tab: randomUUID(), firstEventN: 1, firstInputN: 1 }));
  return socket;
}

/** Answers pings, and passes on what else the gateway says. */
function listen(socket: WebSocket, onMessage: (message: GatewayToBrowser) => void): void {
  socket.on('message', (data, isBinary) => {
    if (isBinary) return;
    const message = GatewayToBrowser.parse(JSON.parse(String(data)));
    if (message.t === 'ping') socket.send(JSON.stringify({ t: 'pong', id: message.id }));
    onMessage(message);
  });
}

/** The expert's tab, which stays open while its sandbox is replaced, and numbers what is typed. */
export async function openTabAt(at: GatewayAt, userId: string, attemptId: string): Promise<(terminal: number, text: string) => void> {
  const socket = await openSocket(at, userId, attemptId);
  // It stays open until the gateway ends, which may be in the middle of a word.
  socket.on('error', () => undefined);
  listen(socket, () => undefined);
  let n = 0;
  return (terminal, text) => socket.send(encodeInputFrame({ terminal, n: ++n, more: false, bytes: Buffer.from(text) }));
}

/** One request of the expert. */
export async function askAt<A extends RequestAct>(
  at: GatewayAt,
  { userId, attemptId, act, args }: { userId: string; attemptId: string; act: A; args: RequestArgs<A> },
): Promise<RequestResult<A>> {
  const socket = await openSocket(at, userId, attemptId);
  try {
    return await new Promise((resolve, reject) => {
      socket.on('close', (code, reason) => reject(new Error(`closed with ${code}: ${reason}`)));
      listen(socket, (message) => {
        if (message.t !== 'reply' || message.id !== 'one') return;
        if (message.error === undefined) resolve(message.result as RequestResult<A>);
        else reject(new Error(message.error.message));
      });
      socket.send(JSON.stringify({ t: 'request', id: 'one', act, args }));
    });
  } finally {
    socket.terminate();
  }
}

import { type IncomingMessage, request as requestOf, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { AppError, assertCan, isUnderWay, toAppError } from '@plumbline/core';
import { findPortHost, newPortCookie, opensPortHost, type PortHost, redeemTicket } from '@plumbline/database';
import type { AttemptRegistry } from '../attemptRegistry.ts';
import type { Gateway } from '../gateway.ts';
import type { LiveAttempt } from '../liveAttempt.ts';
import { assertRunning, runnerOf } from '../pausing.ts';
import { OPEN_PATH } from './openPort.ts';
import { cookieValues, type PortPlace, redirectTo, toBrowser, toSandbox, valuesOf } from './portHeaders.ts';
import type { PortOrigin } from './portOrigin.ts';
import { refusePage, refuseUpgrade } from './portPage.ts';

/** A request that may go to the sandbox: whose it is, and where it goes. */
interface Admitted {
  host: PortHost;
  attempt: LiveAttempt;
  place: PortPlace;
}

/**
 * Carries requests for a host name of a port to the program that listens on it in the sandbox. Both sides are hostile: the
 * page is the participant's own, and must reach neither the platform's pages in the browser nor anything but the sandbox's
 * loopback here.
 */
export class PortProxy {
  readonly #gateway: Gateway;
  readonly #registry: AttemptRegistry;

  constructor(gateway: Gateway, registry: AttemptRegistry) {
    this.#gateway = gateway;
    this.#registry = registry;
  }

  /** Whether a request is for a host name of a port: then nothing else of the gateway answers it. */
  serves(request: IncomingMessage): boolean {
    return this.#gateway.portOrigin?.owns(request.headers.host) === true;
  }

  async request(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const { host, origin } = await this.#hostOf(request);
      if (pathOf(request) === OPEN_PATH) return await this.#open(request, response, host, origin);
      this.#carry(request, response, this.#admit(request, host, origin));
    } catch (error) {
      this.#explain(error);
      refusePage(response, error);
    }
  }

  async upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    try {
      const { host, origin } = await this.#hostOf(request);
      const { attempt, place } = this.#admit(request, host, origin);
      // A page of another site must not speak to the sandbox with this browser's cookie.
      if (request.headers.origin !== place.origin) throw new AppError('forbidden', 'This page belongs to another site.');
      if (request.headers.upgrade?.toLowerCase() !== 'websocket') throw new AppError('invalid_input', 'Only WebSockets are carried.');
      const done = attempt.ports.track({ identity: host, destroy: () => socket.destroy() });
      socket.once('close', done);
      const stream = await attempt.ports.connect(place.port);
      this.#carryUpgrade(request, socket, head, stream, place);
    } catch (error) {
      this.#explain(error);
      refuseUpgrade(socket, error);
    }
  }

  async #hostOf(request: IncomingMessage): Promise<{ host: PortHost; origin: string }> {
    const portOrigin = this.#portOrigin;
    const named = valuesOf(request.rawHeaders, 'host');
    const label = named.length === 1 ? portOrigin.labelOf(named[0] as string) : null;
    const host = label === null ? null : await findPortHost(this.#gateway.db, label);
    if (label === null || host === null)
      throw new AppError('unauthenticated', 'This address is not open, or the sign-in that it belonged to has ended.');
    return { host, origin: portOrigin.of(label) };
  }

  get #portOrigin(): PortOrigin {
    const { portOrigin } = this.#gateway;
    if (portOrigin === null) throw new Error('a request came for a port, and there is no host for ports');
    return portOrigin;
  }

  /** Turns a ticket into the cookie of its host name, and goes to the page that was asked for. */
  async #open(request: IncomingMessage, response: ServerResponse, host: PortHost, origin: string): Promise<void> {
    if (request.method !== 'GET') throw new AppError('invalid_input', 'A page of the sandbox is opened with GET.');
    const query = new URL(request.url ?? '', origin).searchParams;
    const ticket = await redeemTicket(this.#gateway.db, query.get('ticket') ?? '');
    if (ticket.purpose !== 'port' || ticket.attemptId !== host.attemptId || ticket.sessionId !== host.sessionId)
      throw new AppError('unauthenticated', 'This ticket is for another page.');
    const { cookieName, isSecure } = this.#portOrigin;
    const label = new URL(origin).hostname.split('.', 1)[0] as string;
    const opened = opensPortHost(host, cookieValues(request.rawHeaders, cookieName));
    const path = query.get('path') ?? '/';
    response.writeHead(303, {
      // An absolute address: a path that begins with two slashes would name another host.
      location: origin + (path.startsWith('/') ? path : '/'),
      'referrer-policy': 'no-referrer',
      'cache-control': 'no-store',
      'content-length': 0,
      // Another tab of this host keeps working with the cookie that it has.
      ...(opened
        ? {}
        : {
            'set-cookie': `${cookieName}=${await newPortCookie(this.#gateway.db, label)}; Path=/; HttpOnly; SameSite=Lax${isSecure ? '; Secure' : ''}`,
          }),
    });
    response.end();
  }

  #admit(request: IncomingMessage, host: PortHost, origin: string): Admitted {
    const { cookieName } = this.#portOrigin;
    if (!opensPortHost(host, cookieValues(request.rawHeaders, cookieName)))
      throw new AppError('unauthenticated', 'This browser has not opened this page from the workspace.');
    const fromElsewhere = ['cross-site', 'same-site'].includes(request.headers['sec-fetch-site'] as string);
    const navigates = request.headers['sec-fetch-mode'] === 'navigate' && request.headers['sec-fetch-dest'] === 'document';
    const { origin: from } = request.headers;
    if ((fromElsewhere && !(navigates && request.method === 'GET')) || (from !== undefined && from !== origin))
      throw new AppError('forbidden', 'This request came from a page of another site.');
    if (request.url?.startsWith('/') !== true) throw new AppError('invalid_input', 'Only paths of this host are served here.');
    const attempt = this.#registry.find(host.attemptId);
    if (attempt === null)
      throw isUnderWay(host.attemptState)
        ? new AppError('sandbox_unavailable', 'The sandbox is not connected right now.')
        : new AppError('time_expired', 'The attempt has ended, and what it served with it.');
    assertCan(host.actor, 'attempt.participate', { ownerUserId: attempt.view.ownerUserId, state: attempt.view.state });
    assertRunning(attempt);
    runnerOf(attempt);
    return { host, attempt, place: { origin, port: host.port, cookieName } };
  }

  #carry(request: IncomingMessage, response: ServerResponse, { host, attempt, place }: Admitted): void {
    const headers = toSandbox(request.rawHeaders, place);
    const isChunked = request.headers['transfer-encoding'] !== undefined;
    // Written here and not left to Node, which sends a GET's body without any frame.
    if (isChunked) headers.push('Transfer-Encoding', 'chunked');
    const outgoing = requestOf({
      agent: attempt.ports.agent(place.port),
      method: request.method,
      path: request.url,
      headers,
      setHost: false,
    });
    const done = attempt.ports.track({ identity: host, destroy: () => response.destroy() });
    response.once('close', () => {
      done();
      outgoing.destroy();
    });
    outgoing.once('error', (error) => {
      if (response.destroyed) return;
      this.#explain(error);
      refusePage(response, unanswered(error));
    });
    outgoing.once('response', (answer) => {
      try {
        assertRedirect(answer, place);
        response.writeHead(answer.statusCode ?? 502, answer.statusMessage ?? '', toBrowser(answer.rawHeaders, place));
      } catch (error) {
        outgoing.destroy();
        refusePage(response, error instanceof AppError ? error : unanswered(error));
        return;
      }
      pipeline(answer, response).catch(() => response.destroy());
    });
    if (isChunked || Number(request.headers['content-length'] ?? 0) > 0) pipeline(request, outgoing).catch(() => outgoing.destroy());
    else outgoing.end();
  }

  #carryUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer, stream: Duplex, place: PortPlace): void {
    socket.once('close', () => stream.destroy());
    const headers = [...toSandbox(request.rawHeaders, place), 'Connection', 'Upgrade', 'Upgrade', 'websocket'];
    const outgoing = requestOf({ createConnection: () => stream, method: 'GET', path: request.url, headers, setHost: false });
    outgoing.once('error', (error) => {
      this.#explain(error);
      refuseUpgrade(socket, unanswered(error));
    });
    outgoing.once('response', (answer) => {
      answer.resume();
      refuseUpgrade(socket, new AppError('unavailable', `The program in the sandbox answered ${answer.statusCode}.`));
    });
    outgoing.once('upgrade', (answer, upstream, first) => {
      const lines = toBrowser(answer.rawHeaders, place);
      let text = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n';
      for (let at = 0; at + 1 < lines.length; at += 2) text += `${lines[at]}: ${lines[at + 1]}\r\n`;
      socket.write(`${text}\r\n`, 'latin1');
      if (first.length > 0) socket.write(first);
      if (head.length > 0) upstream.write(head);
      const end = () => {
        socket.destroy();
        upstream.destroy();
      };
      pipeline(socket, upstream).then(end, end);
      pipeline(upstream, socket).then(end, end);
    });
    outgoing.end();
  }

  #explain(error: unknown): void {
    const { code, cause } = toAppError(error);
    if (code === 'internal') this.#gateway.log.info({ error: String(cause) }, 'a page of a sandbox could not be carried');
  }
}

/** @throws AppError where following a redirect of the program would lead the browser away from the sandbox, unasked. */
function assertRedirect(answer: IncomingMessage, place: PortPlace): void {
  const { location } = answer.headers;
  if (location === undefined) return;
  const target = redirectTo(location, place);
  if (target.kind === 'otherPort')
    throw new AppError('conflict', `The program in the sandbox sends you on to its port ${target.port}. Open that one from Ports.`);
  if (target.kind === 'refused') throw new AppError('conflict', 'The program in the sandbox sends you on to something that is no address.');
}

/** What a broken connection to the program means for the person. */
function unanswered(error: unknown): AppError {
  if (error instanceof AppError) return error;
  const text = 'The program in the sandbox ended the connection, or answered with something that is not HTTP.';
  return new AppError('unavailable', text, { cause: error });
}

function pathOf(request: IncomingMessage): string {
  return (request.url ?? '').split('?', 1)[0] ?? '';
}

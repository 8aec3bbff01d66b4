import { createHash } from 'node:crypto';
import { AppError, assertCan, type ErrorCode, isUnderWay, needsRunnerNow, toAppError } from '@plumbline/core';
import { listEndedSessions, loadAttempt, redeemTicket, renewLinkHeartbeats } from '@plumbline/database';
import { CLOSE_CODES, PROTOCOL_VERSION, type RunnerHello } from '@plumbline/protocol';
import type { WebSocket } from 'ws';
import { perform } from './acts.ts';
import { BrowserConnection } from './browserConnection.ts';
import type { Gateway } from './gateway.ts';
import { LinkHeartbeat } from './linkHeartbeat.ts';
import { LiveAttempt } from './liveAttempt.ts';
import { parseRunnerMessage } from './runnerConnection.ts';

/** Absence is measured in half hours; a look costs each runner one call. */
const ABSENCE_LOOK_MS = 60_000;
/** A caller that has not said who it is by then is dropped. */
const HELLO_TIMEOUT_MS = 10_000;
/** It names terminals and tabs; before it nobody has shown a token. */
const RUNNER_HELLO_MAX_BYTES = 1024 * 1024;
/** More than anybody works in. Each is sent all that happens. */
const TABS_MAX = 32;
const SIGNED_OUT = 'your sign-in has ended';

/** How a page is told why it is not let in; anything else passes, and it tries again. */
const REFUSALS: Partial<Record<ErrorCode, number>> = {
  forbidden: CLOSE_CODES.forbidden,
  not_found: CLOSE_CODES.not_found,
  unauthenticated: CLOSE_CODES.ticket_invalid,
  conflict: CLOSE_CODES.too_many_tabs,
};

/** The attempts that this gateway serves now, and how one gets in: a runner by its token, a browser by its ticket. */
export class AttemptRegistry {
  readonly #gateway: Gateway;
  readonly #attempts = new Map<string, Promise<LiveAttempt>>();
  readonly #live = new Map<string, LiveAttempt>();
  /** How many sockets hold an attempt, those included that have not said yet who they are. */
  readonly #sockets = new Map<LiveAttempt, number>();
  readonly #heartbeat: LinkHeartbeat;
  readonly #absenceLook: NodeJS.Timeout;

  constructor(gateway: Gateway) {
    this.#gateway = gateway;
    this.#heartbeat = new LinkHeartbeat(() => this.#renewLinks(), gateway.log);
    this.#absenceLook = setInterval(() => {
      for (const attempt of this.#live.values()) {
        attempt.absence
          .look(attempt)
          .catch((error) => gateway.log.info({ attempt: attempt.id, error: String(error) }, 'absence could not be looked for'));
      }
    }, ABSENCE_LOOK_MS);
  }

  /** An attempt that this gateway serves now, or null. */
  find(attemptId: string): LiveAttempt | null {
    return this.#live.get(attemptId) ?? null;
  }

  get size(): number {
    return this.#live.size;
  }

  /** A browser's socket, authorised by a single-use ticket. Everything refused is refused with a close code and words. */
  async acceptBrowser(socket: WebSocket, ticket: string): Promise<void> {
    // What the tab sends before its ticket is checked waits here, in order.
    socket.pause();
    try {
      const redeemed = await redeemTicket(this.#gateway.db, ticket);
      if (redeemed.purpose !== 'participate') throw new AppError('unauthenticated', 'This ticket is for something else. Reload the page.');
      const attempt = await this.#hold(redeemed.attemptId, socket);
      assertCan(redeemed.actor, 'attempt.participate', { ownerUserId: attempt.view.ownerUserId, state: attempt.view.state });
      if (attempt.browsers.open.size >= TABS_MAX)
        throw new AppError(
          'conflict',
          `This attempt is open in ${TABS_MAX} tabs, and may not be in more. Close some, then reload this page.`,
        );
      const { actor, sessionId } = redeemed;
      const clock = { nowMs: () => this.#gateway.time.nowMs(), notBeforeMs: attempt.view.createdAtMs };
      const connection = new BrowserConnection(socket, { actor, sessionId }, clock, {
        onHello: (browser) => {
          this.#welcome(attempt, browser).catch((error) => {
            this.#gateway.log.warn({ error: String(error) }, 'a browser could not be welcomed');
            browser.close(CLOSE_CODES.restarting, 'the platform is not ready yet');
          });
        },
        onRequest: (_browser, { act, args }) =>
          perform(attempt, act, args, { userId: actor.userId, sessionId, via: 'browser' }).catch((error) => {
            const known = toAppError(error);
            if (known.code === 'internal')
              this.#gateway.log.error({ attempt: attempt.id, act, error: String(known.cause) }, 'an act failed');
            throw known;
          }),
        onEvent: (browser, event) => attempt.browserSide.event(browser, event),
        onInput: (browser, frame) => attempt.browserSide.input(browser, frame),
        onAttach: (browser, terminal) => {
          if (!attempt.terminals.some((known) => known.terminal === terminal))
            throw new AppError('not_found', 'This terminal is not there any more. Open another one.');
          browser.watch(terminal);
        },
        onLatency: (browser, roundTripMs) => attempt.recordOwn('connection.latency', { tab: browser.tab, roundTripMs }),
        onSpent: (ms) => attempt.browsers.share.spent(ms),
        onClose: (browser, code) => {
          attempt.browsers.open.delete(browser);
          attempt.browserSide.detach(browser, code);
        },
      });
      attempt.browsers.open.add(connection);
      setTimeout(() => {
        if (!connection.greeted) connection.close(CLOSE_CODES.bad_frame, 'no hello came');
      }, HELLO_TIMEOUT_MS).unref();
      socket.resume();
      attempt.browsers.share.joined(connection);
    } catch (error) {
      const { code, message, cause } = toAppError(error);
      if (code === 'internal') this.#gateway.log.warn({ error: String(cause) }, 'a browser could not be let in');
      socket.resume();
      socket.close(REFUSALS[code] ?? CLOSE_CODES.restarting, message.slice(0, 120));
    }
  }

  /** A runner's socket: its first message must carry the token of the attempt's live incarnation. */
  acceptRunner(socket: WebSocket): void {
    const timer = setTimeout(() => socket.terminate(), HELLO_TIMEOUT_MS);
    socket.once('error', () => socket.terminate());
    socket.once('message', (data: Buffer) => {
      clearTimeout(timer);
      const hello = data.length > RUNNER_HELLO_MAX_BYTES ? null : parseRunnerMessage(data);
      if (hello?.t !== 'hello') return socket.close(1008, 'the first message must be hello');
      // Nothing may be read before the attempt listens; what follows the hello waits in the socket.
      socket.pause();
      this.#attachRunner(socket, hello)
        .then(() => socket.resume())
        .catch((error) => {
          const { code, message, cause } = toAppError(error);
          this.#gateway.log.warn({ attempt: hello.attemptId, code, message, error: String(cause ?? '') }, 'a runner was refused');
          socket.resume();
          // Only what will not change is `refused`; after anything else the runner tries again.
          if (code !== 'internal' && code !== 'unavailable') socket.send(JSON.stringify({ t: 'refused', error: { code, message } }));
          socket.close(1008, message.slice(0, 120));
        });
    });
  }

  /** An attempt changed in the database. */
  changed(attemptId: string): void {
    void this.#live
      .get(attemptId)
      ?.refresh()
      .catch(() => {});
  }

  /** Notifications may have been missed: everything is read again. */
  changedAll(): void {
    for (const id of this.#live.keys()) this.changed(id);
  }

  /** A session ended, or all of a user's: their sockets close at once. */
  sessionsEnded(matches: (identity: { sessionId: string; actor: { userId: string } }) => boolean): void {
    for (const attempt of this.#live.values()) {
      attempt.ports.closeOf(matches);
      // Those too that have not said hello yet.
      for (const browser of attempt.browsers.open) {
        if (matches(browser.identity)) browser.close(CLOSE_CODES.ticket_invalid, SIGNED_OUT);
      }
    }
  }

  /** Ends the sockets of sign-ins that ended without a word of it here: notifications may have been missed. */
  async endSignedOut(): Promise<void> {
    const open = [...this.#live.values()].flatMap(({ browsers, ports }) => [
      ...ports.sessionIds,
      ...[...browsers.open].map(({ identity }) => identity.sessionId),
    ]);
    const ended = new Set(await listEndedSessions(this.#gateway.db, [...new Set(open)]));
    this.sessionsEnded(({ sessionId }) => ended.has(sessionId));
  }

  async #welcome(attempt: LiveAttempt, browser: BrowserConnection): Promise<void> {
    await attempt.browserSide.attach(browser);
    // Its ticket was good when it was taken. A sign-in that ended before this socket was known ended it not.
    const [ended] = await listEndedSessions(this.#gateway.db, [browser.identity.sessionId]);
    if (ended !== undefined) browser.close(CLOSE_CODES.ticket_invalid, SIGNED_OUT);
  }

  async close(): Promise<void> {
    this.#heartbeat.stop();
    clearInterval(this.#absenceLook);
    await Promise.allSettled([...this.#live.values()].map((attempt) => attempt.close()));
  }

  async #attachRunner(socket: WebSocket, hello: RunnerHello): Promise<void> {
    if (hello.protocol !== PROTOCOL_VERSION)
      throw new AppError('conflict', `This gateway speaks protocol ${PROTOCOL_VERSION}, the runner ${hello.protocol}.`);
    const attempt = await this.#hold(hello.attemptId, socket);
    await attempt.refresh();
    if (!needsRunnerNow(attempt.view, this.#gateway.time.nowMs())) {
      throw new AppError('conflict', `The attempt is ${attempt.view.state} and needs no runner.`);
    }
    await attempt.attachRunner(socket, hello, createHash('sha256').update(hello.token).digest('hex'));
    this.#gateway.log.info({ attempt: attempt.id, state: attempt.view.state }, 'runner attached');
  }

  #attempt(id: string): Promise<LiveAttempt> {
    let loading = this.#attempts.get(id);
    if (loading === undefined) {
      loading = loadAttempt(this.#gateway.db, id).then((view) => {
        const attempt = new LiveAttempt(this.#gateway, view);
        attempt.handleTask = (act, args) => perform(attempt, act, args, { userId: view.ownerUserId, sessionId: null, via: 'task' });
        this.#live.set(id, attempt);
        return attempt;
      });
      loading.catch(() => this.#attempts.delete(id));
      this.#attempts.set(id, loading);
    }
    return loading;
  }

  /** The attempt as this process has it, for as long as the socket is open. */
  async #hold(id: string, socket: WebSocket): Promise<LiveAttempt> {
    const attempt = await this.#attempt(id);
    // It may have been let go since it was looked up.
    if (this.#live.get(id) !== attempt) return this.#hold(id, socket);
    this.#sockets.set(attempt, (this.#sockets.get(attempt) ?? 0) + 1);
    // After everybody else who listens: what they say of the end is recorded still.
    const letGo = () => setImmediate(() => this.#letGo(attempt));
    if (socket.readyState === socket.CLOSED) letGo();
    else socket.once('close', letGo);
    return attempt;
  }

  #letGo(attempt: LiveAttempt): void {
    const others = (this.#sockets.get(attempt) ?? 1) - 1;
    this.#sockets.set(attempt, others);
    if (others > 0) return;
    this.#sockets.delete(attempt);
    this.#live.delete(attempt.id);
    this.#attempts.delete(attempt.id);
    attempt.close().catch((error) => this.#gateway.log.info({ attempt: attempt.id, error: String(error) }, 'an attempt was left'));
  }

  async #renewLinks(): Promise<void> {
    // A database without room for a recording may still have it for a heartbeat.
    const held = [...this.#live.values()].filter(
      (attempt) => attempt.sandboxReady && isUnderWay(attempt.view.state) && attempt.recorder?.waitsForServer !== true,
    );
    await renewLinkHeartbeats(
      this.#gateway.db,
      held.map((attempt) => attempt.id),
    );
  }
}

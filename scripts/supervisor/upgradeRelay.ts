import type { ChildProcess } from 'node:child_process';
import { GatewayPlace, HandedUpgrade } from '@plumbline/protocol';
import { HandleSender, onChannelEnd, type TcpHandle } from './handleSender.ts';

/**
 * Passes the sockets that web accepted for the gateway on to it, and tells web whether there is one that takes them. Web brings
 * them through Next's rewrite while there is none.
 */
export class UpgradeRelay {
  readonly #waitMaxMs: number | undefined;
  #web: ChildProcess | null = null;
  #gateway: { sender: HandleSender; at: string } | null = null;

  /** `waitMaxMs`: for how long a socket waits for a gateway that does not take it. */
  constructor({ waitMaxMs }: { waitMaxMs?: number } = {}) {
    this.#waitMaxMs = waitMaxMs;
  }

  /** A web process was started; it has a channel. */
  webStarted(web: ChildProcess): void {
    this.#web = web;
    web.on('message', (message, sent?: unknown) => {
      const handle = sent as TcpHandle | undefined;
      const handed = HandedUpgrade.safeParse(message);
      if (handle === undefined) return;
      const close = () => handle.close();
      if (handed.success && this.#gateway?.sender.isOpen) return this.#gateway.sender.send(handle, handed.data.bytes, close);
      // A tab whose socket is closed tries again, and finds the way that is there then.
      close();
      this.#forgetGateway();
    });
    this.#tellWeb();
  }

  /** A gateway process was started; it has a channel, and says itself when it takes sockets. */
  gatewayStarted(gateway: ChildProcess): void {
    const sender = new HandleSender(gateway, { waitMaxMs: this.#waitMaxMs });
    gateway.on('message', (message) => {
      const place = GatewayPlace.safeParse(message);
      if (!place.success || place.data.at === null) return;
      this.#gateway = { sender, at: place.data.at };
      this.#tellWeb();
    });
    onChannelEnd(gateway, () => {
      if (this.#gateway?.sender === sender) this.#forgetGateway();
    });
  }

  #forgetGateway(): void {
    this.#gateway = null;
    this.#tellWeb();
  }

  #tellWeb(): void {
    const place: GatewayPlace = { t: 'gateway', at: this.#gateway?.at ?? null };
    // One that has just ended is told when it is started again.
    this.#web?.send(place, () => {});
  }
}

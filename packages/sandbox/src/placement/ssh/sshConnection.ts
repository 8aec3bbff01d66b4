import { timingSafeEqual } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { AppError } from '@plumbline/core';
import type { SshHostSettings } from '@plumbline/protocol';
import { Client, type ClientChannel, type ServerHostKeyAlgorithm } from 'ssh2';
import { LinkLost } from '../agent/hostClient.ts';

/** One connection to a host whose public key is pinned. A broken one is closed and made anew, never mended. */

const CONNECT_TIMEOUT_MS = 15_000;
/** A link that is silent for three of these is dead, whatever the kernel still believes. */
const KEEPALIVE_MS = 5_000;
const KEEPALIVES_UNANSWERED = 3;

/** What a host may offer, by the type of the key that is pinned. */
const ALGORITHMS: Readonly<Record<string, ServerHostKeyAlgorithm[]>> = {
  'ssh-rsa': ['rsa-sha2-512', 'rsa-sha2-256'],
};

export class SshConnection {
  readonly #client: Client;
  #closed = false;

  private constructor(client: Client) {
    this.#client = client;
    client.on('error', () => this.close());
    client.once('close', () => {
      this.#closed = true;
    });
  }

  /** Rejects with `unavailable`, and with what to correct where the host answered and is not the one, or refused us. */
  static async open(settings: SshHostSettings): Promise<SshConnection> {
    const { address, port, user, keyFile, hostKey } = settings;
    const privateKey = await readFile(keyFile).catch((error: unknown) => {
      throw new AppError('unavailable', `The key file ${keyFile} cannot be read. Put the host’s private key there.`, { cause: error });
    });
    const [keyType = '', keyText = ''] = hostKey.split(' ');
    const pinned = Buffer.from(keyText, 'base64');
    let offered: string | null = null;
    const client = new Client();
    try {
      await new Promise<void>((resolve, reject) => {
        client.once('ready', resolve);
        client.once('error', reject);
        client.once('close', () => reject(new Error('The host closed the connection.')));
        client.connect({
          host: address,
          port,
          username: user,
          privateKey,
          readyTimeout: CONNECT_TIMEOUT_MS,
          keepaliveInterval: KEEPALIVE_MS,
          keepaliveCountMax: KEEPALIVES_UNANSWERED,
          algorithms: { serverHostKey: ALGORITHMS[keyType] ?? [keyType as ServerHostKeyAlgorithm] },
          hostVerifier: (key: Buffer) => {
            if (key.length === pinned.length && timingSafeEqual(key, pinned)) return true;
            offered = key.toString('base64');
            return false;
          },
        });
      });
    } catch (error) {
      // A late failure of a client that is given up must not end the process.
      client.on('error', () => undefined);
      client.end();
      throw new AppError('unavailable', connectProblem(settings, error, offered), { cause: error });
    }
    client.setNoDelay(true);
    return new SshConnection(client);
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  /** Runs a command without a terminal. Rejects with `LinkLost`. */
  exec(command: string): Promise<ClientChannel> {
    return new Promise((resolve, reject) => {
      const lost = () => reject(new LinkLost('The connection was closed.'));
      if (this.#closed) return lost();
      this.#client.once('close', lost);
      this.#client.exec(command, { pty: false }, (error, channel) => {
        this.#client.off('close', lost);
        if (error) reject(new LinkLost(error.message));
        else resolve(channel);
      });
    });
  }

  close(): void {
    this.#closed = true;
    this.#client.destroy();
  }
}

function connectProblem({ address, port, user }: SshHostSettings, error: unknown, offered: string | null): string {
  const where = `${address}:${port}`;
  if (offered !== null) {
    return `The host at ${where} shows another key than the one in its settings (${offered.slice(0, 40)}…). Find out why before you change the settings.`;
  }
  const { level, message } = error as { level?: string; message?: string };
  if (level === 'client-authentication') return `The host at ${where} does not let ${user} in with this key. Add its public key there.`;
  if (/host key|no matching/i.test(message ?? ''))
    return `The host at ${where} has no key of the type in its settings. Run ssh-keyscan again.`;
  if (/parse|passphrase|privateKey/i.test(message ?? '')) return 'The private key cannot be used: it must be one without a passphrase.';
  return `The host at ${where} cannot be reached over SSH: ${message ?? String(error)}`;
}

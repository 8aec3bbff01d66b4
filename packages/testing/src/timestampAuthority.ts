import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { type TemporaryFolder, temporaryFolder } from './temporaryFolder.ts';

const run = promisify(execFile);

const EXTENSIONS = `
[root]
basicConstraints = critical, CA:true
[tsa]
extendedKeyUsage = critical, timeStamping
[server]
extendedKeyUsage = serverAuth
`;

export interface AuthorityOptions {
  /** The kind of the authority's key. */
  key?: 'ec' | 'rsa';
  /** What it signs a hash of. */
  digest?: 'sha256' | 'sha512';
  /** What it names its certificate by; by SHA-1 in the older form of the attribute. */
  certificateHash?: 'sha1' | 'sha256' | 'sha512';
}

const CONFIG = (folder: string, { digest = 'sha256', certificateHash = 'sha256' }: AuthorityOptions) => `
[tsa]
default_tsa = here
[here]
serial = ${folder}/serial
signer_cert = ${folder}/tsa.pem
certs = ${folder}/ca.pem
signer_key = ${folder}/tsa.key
signer_digest = ${digest}
default_policy = 1.2.3.4
digests = sha256
ess_cert_id_alg = ${certificateHash}
`;

/** A real time-stamping authority (RFC 3161) on loopback: the `openssl` command signs, with a certificate of a root of its own. */
export class TimestampAuthority {
  /** How often it was asked. */
  asked = 0;
  /** What it answers with in the place of a time-stamp: a status, or a body. */
  insteadOf: ((request: Buffer) => Promise<number | Buffer> | number | Buffer) | null = null;
  readonly #server: Server;
  readonly #folder: TemporaryFolder;

  private constructor(server: Server, folder: TemporaryFolder) {
    this.#server = server;
    this.#folder = folder;
  }

  static async start(options: AuthorityOptions = {}): Promise<TimestampAuthority> {
    const folder = await temporaryFolder();
    const at = (name: string) => join(folder.path, name);
    await writeFile(at('extensions'), EXTENSIONS);
    await writeFile(at('config'), CONFIG(folder.path, options));
    await writeFile(at('serial'), '01\n');
    const ellipticKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'];
    const newKey = (name: string) => (name === 'tsa' && options.key === 'rsa' ? ['-newkey', 'rsa:2048'] : ellipticKey);
    const request = (name: string, subject: string, more: string[]) =>
      run('openssl', [
        'req',
        ...newKey(name),
        '-nodes',
        '-keyout',
        at(`${name}.key`),
        '-out',
        at(`${name}.pem`),
        '-subj',
        subject,
        ...more,
      ]);
    await request('ca', '/CN=Root of a test', ['-x509', '-days', '2']);
    for (const name of ['tsa', 'server']) {
      await request(name, '/O=Example/CN=Time-stamps of a test', []);
      const issuer = ['-CA', at('ca.pem'), '-CAkey', at('ca.key'), '-CAcreateserial', '-days', '1'];
      await run('openssl', [
        'x509',
        '-req',
        '-in',
        at(`${name}.pem`),
        '-out',
        at(`${name}.pem`),
        ...issuer,
        '-extfile',
        at('extensions'),
        '-extensions',
        name,
      ]);
    }
    const server = createServer();
    const authority = new TimestampAuthority(server, folder);
    server.on('request', async (message, response) => {
      authority.asked += 1;
      const body = await buffer(message);
      const answer = authority.insteadOf === null ? await authority.reply(body) : await authority.insteadOf(body);
      if (typeof answer === 'number') return response.writeHead(answer).end();
      response.writeHead(200, { 'content-type': 'application/timestamp-reply' }).end(answer);
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    return authority;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/tsr`;
  }

  /** The certificates that whoever trusts it has. */
  get rootFile(): string {
    return join(this.#folder.path, 'ca.pem');
  }

  /** The answer to a request, as `openssl` gives it. */
  async reply(request: Buffer): Promise<Buffer> {
    const at = (name: string) => join(this.#folder.path, name);
    const { asked } = this;
    await writeFile(at(`${asked}.tsq`), request);
    const made = run('openssl', ['ts', '-reply', '-config', at('config'), '-queryfile', at(`${asked}.tsq`)], { encoding: 'buffer' });
    return (await made).stdout;
  }

  /** A token of any content, signed with the certificate for time-stamps, or with one that is for a server. */
  async token(info: Uint8Array, certificate: 'tsa' | 'server'): Promise<Buffer> {
    const at = (name: string) => join(this.#folder.path, name);
    await writeFile(at('info'), info);
    const how = ['-binary', '-nodetach', '-outform', 'DER', '-cades', '-econtent_type', '1.2.840.113549.1.9.16.1.4'];
    const by = ['-signer', at(`${certificate}.pem`), '-inkey', at(`${certificate}.key`)];
    return (await run('openssl', ['cms', '-sign', '-in', at('info'), ...how, ...by], { encoding: 'buffer' })).stdout;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
    await this.#folder.remove();
  }
}

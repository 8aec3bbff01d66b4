import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const FILES_OF_EACH = 40;

/** A registry on loopback, from which `npm install` takes small packages of many files. */
export class PackageRegistry {
  readonly names: readonly string[];
  readonly url: string;
  readonly #server: Server;

  private constructor(names: readonly string[], server: Server) {
    this.names = names;
    this.#server = server;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  static async start(count: number): Promise<PackageRegistry> {
    const tarball = await tarballOf(FILES_OF_EACH);
    const integrity = `sha512-${createHash('sha512').update(tarball).digest('base64')}`;
    const server = createServer((request, response) => {
      if (request.url?.endsWith('.tgz')) return response.end(tarball);
      const name = request.url?.slice(1) ?? '';
      const dist = { tarball: `http://${request.headers.host}/${name}/-/${name}-1.0.0.tgz`, integrity };
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ name, 'dist-tags': { latest: '1.0.0' }, versions: { '1.0.0': { name, version: '1.0.0', dist } } }));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new PackageRegistry(
      Array.from({ length: count }, (_, at) => `of-files-${at}`),
      server,
    );
  }

  stop(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}

/** All packages have the same files; npm names a package by where it installs it. */
async function tarballOf(files: number): Promise<Buffer> {
  const dir = await mkdtemp(join(tmpdir(), 'plumbline-package-'));
  try {
    await mkdir(join(dir, 'package'));
    await writeFile(join(dir, 'package/package.json'), JSON.stringify({ name: 'of-files', version: '1.0.0' }));
    for (let n = 0; n < files; n++) await writeFile(join(dir, `package/${n}.js`), `export default ${n};\n`);
    const { stdout } = await promisify(execFile)('tar', ['-czf', '-', '-C', dir, 'package'], { encoding: 'buffer' });
    return stdout;
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

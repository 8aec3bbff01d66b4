import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { installVariables } from './image.ts';

it('an install step is given pip’s, the proxy’s and the certificates’ variables, and nothing else', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'plumbline-image-'));
  try {
    await writeFile(join(dir, 'ca.pem'), 'certificate');
    const seen = join(dir, 'seen');

    await mkdir(seen);
    const from = {
      PIP_INDEX_URL: 'https://packages.invalid/simple',
      https_proxy: 'http://proxy.invalid',
      NO_PROXY: 'localhost',
      SSL_CERT_FILE: join(dir, 'ca.pem'),
      PIP_CERT: join(dir, 'missing.pem'),
      DATABASE_URL: 'postgresql://secret',
      AWS_SECRET_ACCESS_KEY: 'secret',
    };
    expect(await installVariables(from, seen, '/run/certificates')).toEqual({
      PIP_INDEX_URL: 'https://packages.invalid/simple',
      https_proxy: 'http://proxy.invalid',
      NO_PROXY: 'localhost',
      SSL_CERT_FILE: '/run/certificates/SSL_CERT_FILE',
    });
    expect(await readdir(seen)).toEqual(['SSL_CERT_FILE']);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
});

import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { AppError, toAppError } from '@plumbline/core';
import { findAttemptByRunnerToken, findBlob, insertBlob } from '@plumbline/database';
import { openBlob, sealBlob } from '@plumbline/recording';
import type { Gateway } from './gateway.ts';

/** One submission or snapshot bundle. Held in memory while it is encrypted, so it is bounded. */
const BLOB_MAX_BYTES = 256 * 1024 * 1024;

/**
 * `PUT` and `GET /realtime/blobs/SHA256` for runners: submissions and snapshots, named by their content and kept
 * encrypted under the attempt's own key. The bearer token is the runner's; it opens its own attempt's blobs alone.
 */
export async function handleBlob(gateway: Gateway, request: IncomingMessage, response: ServerResponse, hash: string): Promise<void> {
  try {
    const token = /^Bearer (\S{1,200})$/.exec(request.headers.authorization ?? '')?.[1];
    const attemptId =
      token === undefined ? null : await findAttemptByRunnerToken(gateway.db, createHash('sha256').update(token).digest('hex'));
    if (attemptId === null) throw new AppError('unauthenticated', 'This runner was replaced, or never was.');
    if (request.method === 'PUT') await put(gateway, request, attemptId, hash);
    else if (request.method === 'GET') return await get(gateway, response, attemptId, hash);
    else throw new AppError('invalid_input', 'Only PUT and GET are served here.');
    response.writeHead(204).end();
  } catch (error) {
    const { status, code, message, cause } = toAppError(error);
    if (code === 'internal') gateway.log.error({ hash, error: String(cause) }, 'a blob could not be served');
    // The rest of a refused upload is not read.
    response.writeHead(status, { 'content-type': 'application/json', connection: 'close' }).end(JSON.stringify({ code, message }));
  }
}

async function put(gateway: Gateway, request: IncomingMessage, attemptId: string, hash: string): Promise<void> {
  if ((await findBlob(gateway.db, attemptId, hash)) !== null) {
    request.resume();
    return;
  }
  const declared = Number(request.headers['content-length'] ?? 0);
  if (declared > BLOB_MAX_BYTES) throw tooLarge();
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > BLOB_MAX_BYTES) throw tooLarge();
    chunks.push(chunk);
  }
  const plain = Buffer.concat(chunks);
  if (createHash('sha256').update(plain).digest('hex') !== hash)
    throw new AppError('invalid_input', 'The bytes are not what their name says.');
  const key = await gateway.keys.dataKey(gateway.db, attemptId);
  const sealed = sealBlob(key, plain, hash);
  const objectHash = createHash('sha256').update(sealed).digest('hex');
  await gateway.store.put(objectHash, sealed);
  await insertBlob(gateway.db, { attemptId, hash, objectHash, bytes });
}

async function get(gateway: Gateway, response: ServerResponse, attemptId: string, hash: string): Promise<void> {
  const blob = await findBlob(gateway.db, attemptId, hash);
  if (blob === null) throw new AppError('not_found', 'There is no such blob in this attempt.');
  const key = await gateway.keys.dataKey(gateway.db, attemptId);
  const plain = openBlob(key, await gateway.store.get(blob.objectHash), hash);
  response.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': plain.length }).end(plain);
}

function tooLarge(): AppError {
  return new AppError('too_large', `One upload is at most ${BLOB_MAX_BYTES / 1024 / 1024} MiB.`);
}

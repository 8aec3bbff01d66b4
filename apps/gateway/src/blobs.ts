import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { AppError, toAppError } from '@plumbline/core';
import { findAttemptByRunnerToken, findBlob } from '@plumbline/database';
import { findStoredBlob } from '@plumbline/recording';
import type { BlobUpload, BlobUploads } from './blobUpload.ts';
import type { Gateway } from './gateway.ts';

export interface BlobService {
  readonly gateway: Gateway;
  readonly uploads: BlobUploads;
}

/**
 * `PUT`, `HEAD` and `GET /realtime/blobs/SHA256` for runners: submissions and snapshots, named by their content and kept
 * encrypted under the attempt's own key. The bearer token is the runner's; it opens its own attempt's blobs alone.
 *
 * A large one comes in parts, each a `PUT` with a `Content-Range`. `HEAD` says with 204 that a blob is stored, and otherwise with
 * 200 how many of its bytes are, in `upload-offset`. A `PUT` is answered 204 where all is stored now, 202 where more is to come.
 */
export async function handleBlob(
  { gateway, uploads }: BlobService,
  request: IncomingMessage,
  response: ServerResponse,
  hash: string,
): Promise<void> {
  try {
    const token = /^Bearer (\S{1,200})$/.exec(request.headers.authorization ?? '')?.[1];
    const attemptId =
      token === undefined ? null : await findAttemptByRunnerToken(gateway.db, createHash('sha256').update(token).digest('hex'));
    if (attemptId === null) throw new AppError('unauthenticated', 'This runner was replaced, or never was.');
    if (request.method === 'PUT') await put({ gateway, uploads }, request, response, { attemptId, hash, ...rangeOf(request) });
    else if (request.method === 'HEAD') await head({ gateway, uploads }, response, attemptId, hash);
    else if (request.method === 'GET') await get(gateway, response, attemptId, hash);
    else throw new AppError('invalid_input', 'Only PUT, HEAD and GET are served here.');
  } catch (error) {
    const { status, code, message, cause } = toAppError(error);
    if (code === 'internal') gateway.log.error({ hash, error: String(cause) }, 'a blob could not be served');
    // What has begun can only be cut off, so that nobody takes it for all.
    if (response.headersSent) return void response.destroy();
    // The rest of a refused upload is not read.
    response.writeHead(status, { 'content-type': 'application/json', connection: 'close' }).end(JSON.stringify({ code, message }));
  }
}

async function put(
  { gateway, uploads }: BlobService,
  request: IncomingMessage,
  response: ServerResponse,
  upload: BlobUpload,
): Promise<void> {
  if ((await findBlob(gateway.db, upload.attemptId, upload.hash)) !== null) {
    request.resume();
    response.writeHead(204).end();
    return;
  }
  const isWhole = await uploads.take(upload, request);
  response.writeHead(isWhole ? 204 : 202).end();
}

async function head({ gateway, uploads }: BlobService, response: ServerResponse, attemptId: string, hash: string): Promise<void> {
  if ((await findBlob(gateway.db, attemptId, hash)) !== null) response.writeHead(204).end();
  else response.writeHead(200, { 'upload-offset': await uploads.storedBytes(attemptId, hash) }).end();
}

async function get(gateway: Gateway, response: ServerResponse, attemptId: string, hash: string): Promise<void> {
  const { db, store } = gateway;
  const dataKey = await gateway.keys.dataKey(db, attemptId);
  const blob = await findStoredBlob({ db, store, attemptId, dataKey }, hash);
  if (blob === null) throw new AppError('not_found', 'There is no such blob in this attempt.');
  response.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': blob.bytes });
  await pipeline(blob.content(), response);
}

/** Which bytes of how many come; without a `Content-Range` all of them. */
function rangeOf({ headers }: IncomingMessage): { from: number; bytes: number } {
  const [, from, bytes] = /^bytes (\d{1,15})-\d{1,15}\/(\d{1,15})$/.exec(headers['content-range'] ?? '') ?? [];
  if (from !== undefined) return { from: Number(from), bytes: Number(bytes) };
  const length = Number(headers['content-length'] ?? Number.NaN);
  if (!Number.isSafeInteger(length)) throw new AppError('invalid_input', 'An upload says how long it is.');
  return { from: 0, bytes: length };
}

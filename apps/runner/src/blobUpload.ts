import { createReadStream } from 'node:fs';
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { BLOB_PART_BYTES } from '@plumbline/protocol';

/** A request that makes no progress for so long is given up, and made again. */
const STALLED_MS = 30_000;

export interface BlobTarget {
  /** http(s)://…/realtime/blobs/SHA256 */
  readonly url: string;
  readonly token: string;
}

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
}

/**
 * Uploads a file of `bytes` bytes, or the next part of a large one; the gateway says which that is. Resolves with the status of the
 * last answer: 204 where all of it is stored now, 202 where more is to come. Rejects where the gateway cannot be reached.
 */
export async function uploadNext(target: BlobTarget, path: string, bytes: number): Promise<number> {
  if (bytes <= BLOB_PART_BYTES) return (await send(target, 'PUT', { 'content-length': bytes }, path)).status;
  const { status, headers } = await send(target, 'HEAD', {});
  if (status !== 200) return status;
  // Where all parts are stored, and it is not known to be whole, the last one has it checked.
  const lastPart = (Math.ceil(bytes / BLOB_PART_BYTES) - 1) * BLOB_PART_BYTES;
  const from = Math.min(Number(headers['upload-offset'] ?? 0), lastPart);
  const to = Math.min(from + BLOB_PART_BYTES, bytes) - 1;
  const range = { 'content-length': to - from + 1, 'content-range': `bytes ${from}-${to}/${bytes}` };
  return (await send(target, 'PUT', range, path, { start: from, end: to })).status;
}

function send(
  { url, token }: BlobTarget,
  method: 'HEAD' | 'PUT',
  headers: Record<string, string | number>,
  path?: string,
  range?: { start: number; end: number },
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const open = url.startsWith('https:') ? httpsRequest : httpRequest;
    const request = open(url, { method, headers: { authorization: `Bearer ${token}`, ...headers }, timeout: STALLED_MS });
    const file = path === undefined ? null : createReadStream(path, range);
    file?.on('error', (error) => {
      request.destroy();
      reject(error);
    });
    request.on('timeout', () => request.destroy(new Error('stalled')));
    request.on('error', (error) => {
      file?.destroy();
      reject(error);
    });
    request.on('response', (response) => {
      response.resume();
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers }));
      response.on('error', reject);
    });
    if (file === null) request.end();
    else file.pipe(request);
  });
}

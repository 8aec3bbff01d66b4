import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { chmod, link, mkdir, open, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { AppError } from '@plumbline/core';
import type { Asset } from '@plumbline/taskstandard/settings';
import { withFileLock } from '../host/fileLock.ts';
import type { SandboxSpec } from '../isolation/isolation.ts';

/**
 * Families' large data on one host: fetched once, kept by checksum, laid out as folders of hard links that sandboxes see
 * read-only. A fetch that was cut off goes on where it stopped, also in another process.
 */

export interface AssetOptions {
  /** The host's cache, shared by all runners. */
  dir: string;
  /** Called at each whole percent of all bytes that are to be fetched; `fraction` is their share. */
  onProgress?: (step: string, fraction: number) => void;
  signal?: AbortSignal;
}

/** Folders on the host; null where a family has no such assets. */
export interface LaidAssets {
  everyone: string | null;
  scorer: string | null;
}

/** Where a sandbox sees its family's assets. */
const ASSET_PATHS = { everyone: '/opt/data', scorer: '/opt/scorer-data' } as const;

/** What a sandbox of this isolation is given so that its family finds its assets. */
export function assetMounts(
  assets: LaidAssets,
  isolation: string,
): { env: Record<string, string>; readOnly: NonNullable<SandboxSpec['readOnly']> } {
  // Without isolation nothing is mounted: paths are the host's own.
  const paths = isolation === 'none' ? assets : ASSET_PATHS;
  const readOnly = (['everyone', 'scorer'] as const).flatMap((whom) => {
    const hostPath = assets[whom];
    return hostPath === null ? [] : [{ hostPath, path: ASSET_PATHS[whom], ...(whom === 'scorer' ? { only: whom } : {}) }];
  });
  return { env: { PLUMBLINE_DATA: paths.everyone ?? '', PLUMBLINE_SCORER_DATA: paths.scorer ?? '' }, readOnly };
}

/** Cut connections are taken up again so often, each time after a longer wait; progress starts the count anew. */
const TRIES = 4;
const FIRST_WAIT_MS = 250;
/** A connection that brings nothing for so long is cut. */
const STALLED_MS = 60_000;

/** An answer that asking again will not change. */
class Refused extends Error {}

/** Fetches what is missing and lays the folders. Rejects with `sandbox_unavailable`, naming file, address and what to do. */
export async function layAssets(assets: readonly Asset[], options: AssetOptions): Promise<LaidAssets> {
  if (assets.length === 0) return { everyone: null, scorer: null };
  const blobs = join(options.dir, 'sha256');
  await mkdir(blobs, { recursive: true });
  const total = assets.reduce((sum, asset) => sum + asset.bytes, 0);
  let before = 0;
  let told = -1;
  for (const [index, asset] of assets.entries()) {
    const step = `Fetching data, file ${index + 1} of ${assets.length}: ${asset.path}`;
    await keepAsset(asset, blobs, options.signal, (bytes) => {
      // Bytes come in pieces of kilobytes, and of some data there are terabytes.
      const percent = Math.floor((100 * (before + bytes)) / total);
      if (percent > told) options.onProgress?.(step, (before + bytes) / total);
      told = Math.max(told, percent);
    });
    before += asset.bytes;
  }
  return layFolders(assets, options.dir, blobs);
}

async function isKept(path: string, bytes: number): Promise<boolean> {
  return (await stat(path).catch(() => null))?.size === bytes;
}

async function keepAsset(asset: Asset, blobs: string, signal: AbortSignal | undefined, onBytes: (bytes: number) => void): Promise<void> {
  const kept = join(blobs, asset.sha256);
  if (await isKept(kept, asset.bytes)) return;
  const locks = join(blobs, '.locks');
  await mkdir(locks, { recursive: true });
  await withFileLock(
    join(locks, asset.sha256),
    async () => {
      if (await isKept(kept, asset.bytes)) return;
      const partial = `${kept}.partial`;
      try {
        await fetchWhole(asset, partial, signal, onBytes);
      } catch (error) {
        signal?.throwIfAborted();
        if (error instanceof Refused && (await sizeOf(partial)) > asset.bytes) await rm(partial, { force: true });
        throw unavailable(asset, kept, error);
      }
      await chmod(partial, 0o444);
      await rename(partial, kept);
    },
    signal,
  );
}

function unavailable(asset: Asset, kept: string, error: unknown): AppError {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause.message : (error as Error).message;
  return new AppError(
    'sandbox_unavailable',
    `The environment's data file ${asset.path} could not be had from ${asset.url}: ${cause}. Mend the address or the network, or put the file with SHA-256 ${asset.sha256} at ${kept} yourself.`,
    { cause: error },
  );
}

/** Brings `partial` to its full length and holds it against the checksum. */
async function fetchWhole(asset: Asset, partial: string, signal: AbortSignal | undefined, onBytes: (bytes: number) => void): Promise<void> {
  let have = await sizeOf(partial);
  for (let failures = 0; have < asset.bytes; ) {
    let problem: unknown = null;
    try {
      await fetchRest(asset, partial, have, signal, onBytes);
    } catch (error) {
      if (signal?.aborted === true || error instanceof Refused) throw error;
      problem = error;
    }
    const now = await sizeOf(partial);
    if (problem === null && now < asset.bytes) {
      await rm(partial, { force: true });
      throw new Refused(`it has ${now} bytes instead of ${asset.bytes}`);
    }
    failures = now > have ? 0 : failures + 1;
    if (failures >= TRIES) throw problem;
    if (problem !== null) await new Promise((resolve) => setTimeout(resolve, FIRST_WAIT_MS * 2 ** failures));
    have = now;
  }
  const hash = createHash('sha256');
  await pipeline(createReadStream(partial), async (source: AsyncIterable<Buffer>) => {
    for await (const chunk of source) hash.update(chunk);
  });
  const digest = hash.digest('hex');
  if (digest === asset.sha256) return;
  await rm(partial, { force: true });
  throw new Refused(`its SHA-256 is ${digest}, another than the manifest names`);
}

async function sizeOf(path: string): Promise<number> {
  return (await stat(path).catch(() => null))?.size ?? 0;
}

async function fetchRest(
  asset: Asset,
  partial: string,
  have: number,
  signal: AbortSignal | undefined,
  onBytes: (bytes: number) => void,
): Promise<void> {
  const stalled = new AbortController();
  const { source, from } = await openSource(asset, have, AbortSignal.any([stalled.signal, ...(signal === undefined ? [] : [signal])]));
  let bytes = from;
  const timer = setTimeout(() => stalled.abort(new Error('it stalled')), STALLED_MS);
  // Written piece by piece, so that what came before a cut is there to go on from.
  const file = await open(partial, from === 0 ? 'w' : 'a');
  try {
    for await (const chunk of source) {
      timer.refresh();
      bytes += chunk.length;
      // A file that is too long is not fetched to its end.
      if (bytes > asset.bytes) throw new Refused(`it has more than ${asset.bytes} bytes`);
      await file.writeFile(chunk);
      onBytes(bytes);
    }
  } finally {
    clearTimeout(timer);
    await file.close();
  }
}

/** The asset's bytes from `have` on, or from the start where its server does not serve parts. */
async function openSource(asset: Asset, have: number, signal: AbortSignal): Promise<{ source: AsyncIterable<Uint8Array>; from: number }> {
  if (asset.url.startsWith('file:')) {
    const file = await open(fileURLToPath(asset.url));
    return { source: file.createReadStream({ start: have }), from: have };
  }
  const response = await fetch(asset.url, { headers: have === 0 ? {} : { range: `bytes=${have}-` }, signal });
  if (!response.ok || response.body === null) {
    await response.body?.cancel();
    const problem = `the server answers ${response.status} ${response.statusText}`.trim();
    throw response.status >= 500 || response.status === 429 ? new Error(problem) : new Refused(problem);
  }
  return { source: response.body as AsyncIterable<Uint8Array>, from: response.status === 206 ? have : 0 };
}

/** The folders of one list of assets, made once. */
async function layFolders(assets: readonly Asset[], dir: string, blobs: string): Promise<LaidAssets> {
  const name = createHash('sha256')
    .update(JSON.stringify(assets.map((asset) => [asset.for, asset.path, asset.sha256]).sort()))
    .digest('hex');
  const set = join(dir, 'sets', name);
  const isMade = async () => (await stat(join(set, 'complete')).catch(() => null)) !== null;
  if (!(await isMade())) {
    const locks = join(blobs, '.locks');
    await withFileLock(join(locks, name), async () => {
      if (await isMade()) return;
      await rm(set, { recursive: true, force: true });
      for (const asset of assets) {
        const path = join(set, asset.for, asset.path);
        await mkdir(dirname(path), { recursive: true, mode: 0o755 });
        await link(join(blobs, asset.sha256), path);
      }
      await writeFile(join(set, 'complete'), '');
    });
  }
  const has = (whom: Asset['for']) => (assets.some((asset) => asset.for === whom) ? join(set, whom) : null);
  return { everyone: has('everyone'), scorer: has('scorer') };
}

import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { chmod, link, mkdir, open, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { AppError } from '@plumbline/core';
import { sync, syncFileSystems } from '@plumbline/storage';
import type { Asset } from '@plumbline/taskstandard/settings';
import { withFileLock } from '../host/fileLock.ts';
import { markUsed } from '../host/unusedCaches.ts';
import type { SandboxSpec } from '../isolation/isolation.ts';
import { readGitFile } from './gitFile.ts';

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

/** An asset with what its file has to be, whichever way the manifest says it. */
interface PinnedAsset extends Asset {
  sha256: string;
  /** Null where nobody knows before it is fetched. */
  size: number | null;
}

/** Told of what a file has so far, and of how much there will be, where that is known. */
type OnBytes = (bytes: number, of: number | null) => void;

/** Fetches what is missing and lays the folders. Rejects with `sandbox_unavailable`, naming file, address and what to do. */
export async function layAssets(assets: readonly Asset[], options: AssetOptions): Promise<LaidAssets> {
  if (assets.length === 0) return { everyone: null, scorer: null };
  const blobs = join(options.dir, 'sha256');
  await mkdir(blobs, { recursive: true });
  const pinned: PinnedAsset[] = [];
  for (const asset of assets) pinned.push(await pinAsset(asset, options));
  // By bytes, and by files where one does not say how many it has.
  const weights = pinned.every(({ size }) => size !== null) ? pinned.map(({ size }) => size ?? 0) : pinned.map(() => 1);
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  let before = 0;
  let told = -1;
  for (const [index, asset] of pinned.entries()) {
    const step = `Fetching data, file ${index + 1} of ${assets.length}: ${asset.path}`;
    const weight = weights[index] ?? 0;
    await keepAsset(asset, blobs, options.signal, (bytes, of) => {
      const fraction = (before + (of === null ? 0 : (weight * bytes) / of)) / total;
      // Bytes come in pieces of kilobytes, and of some data there are terabytes.
      const percent = Math.floor(100 * fraction);
      if (percent > told) options.onProgress?.(step, fraction);
      told = Math.max(told, percent);
    });
    before += weight;
  }
  return layFolders(pinned, options.dir, blobs);
}

async function pinAsset(asset: Asset, { dir, signal, onProgress }: AssetOptions): Promise<PinnedAsset> {
  const { git, sha256, bytes } = asset;
  if (git === undefined) return { ...asset, sha256: sha256 as string, size: bytes ?? null };
  onProgress?.(`Looking up what ${asset.path} has to be`, 0);
  try {
    const facts = await readGitFile(git, join(dir, 'git'), signal);
    return { ...asset, sha256: facts.sha256, size: facts.bytes };
  } catch (error) {
    signal?.throwIfAborted();
    throw new AppError(
      'sandbox_unavailable',
      `What the environment's data file ${asset.path} has to be could not be read from ${git.repository}: ${(error as Error).message}. Mend the address or the network, or give the asset its sha256 in place of git.`,
      { cause: error },
    );
  }
}

async function isKept(path: string, size: number | null): Promise<boolean> {
  const kept = (await stat(path).catch(() => null))?.size;
  return kept !== undefined && (size === null || kept === size);
}

async function keepAsset(asset: PinnedAsset, blobs: string, signal: AbortSignal | undefined, onBytes: OnBytes): Promise<void> {
  const kept = join(blobs, asset.sha256);
  if (await isKept(kept, asset.size)) return;
  const locks = join(blobs, '.locks');
  await mkdir(locks, { recursive: true });
  await withFileLock(
    join(locks, asset.sha256),
    async () => {
      if (await isKept(kept, asset.size)) return;
      const partial = `${kept}.partial`;
      try {
        await fetchWhole(asset, partial, signal, onBytes);
      } catch (error) {
        signal?.throwIfAborted();
        if (error instanceof Refused && asset.size !== null && (await sizeOf(partial)) > asset.size) await rm(partial, { force: true });
        throw unavailable(asset, kept, error);
      }
      await chmod(partial, 0o444);
      // Its size alone is looked at from now on, which a file without its content may have after a loss of power.
      await sync(partial);
      await rename(partial, kept);
    },
    signal,
  );
}

function unavailable(asset: PinnedAsset, kept: string, error: unknown): AppError {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause.message : (error as Error).message;
  return new AppError(
    'sandbox_unavailable',
    `The environment's data file ${asset.path} could not be had from ${asset.url}: ${cause}. Mend the address or the network, or put the file with SHA-256 ${asset.sha256} at ${kept} yourself.`,
    { cause: error },
  );
}

/** Brings `partial` to its full length and holds it against the checksum. */
async function fetchWhole(asset: PinnedAsset, partial: string, signal: AbortSignal | undefined, onBytes: OnBytes): Promise<void> {
  let have = await sizeOf(partial);
  for (let failures = 0; asset.size === null || have < asset.size; ) {
    let problem: unknown = null;
    try {
      await fetchRest(asset, partial, have, signal, onBytes);
    } catch (error) {
      if (signal?.aborted === true || error instanceof Refused) throw error;
      problem = error;
    }
    const now = await sizeOf(partial);
    // Where only the server knows how long the file is, its end is the end, and the checksum decides.
    if (problem === null && asset.size === null) break;
    if (problem === null && asset.size !== null && now < asset.size) {
      await rm(partial, { force: true });
      throw new Refused(`it has ${now} bytes instead of ${asset.size}`);
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
  asset: PinnedAsset,
  partial: string,
  have: number,
  signal: AbortSignal | undefined,
  onBytes: OnBytes,
): Promise<void> {
  const stalled = new AbortController();
  const opened = await openSource(asset, have, AbortSignal.any([stalled.signal, ...(signal === undefined ? [] : [signal])]));
  const { source, from, of } = opened;
  let bytes = from;
  const timer = setTimeout(() => stalled.abort(new Error('it stalled')), STALLED_MS);
  // Written piece by piece, so that what came before a cut is there to go on from.
  const file = await open(partial, from === 0 ? 'w' : 'a');
  try {
    for await (const chunk of source) {
      timer.refresh();
      bytes += chunk.length;
      // A file that is too long is not fetched to its end.
      if (asset.size !== null && bytes > asset.size) throw new Refused(`it has more than ${asset.size} bytes`);
      await file.writeFile(chunk);
      onBytes(bytes, asset.size ?? of);
    }
  } finally {
    clearTimeout(timer);
    await file.close();
  }
}

interface Source {
  source: AsyncIterable<Uint8Array>;
  from: number;
  /** The whole file's bytes as its server says; null where it does not. */
  of: number | null;
}

/** The asset's bytes from `have` on, or from the start where its server does not serve parts. */
async function openSource(asset: PinnedAsset, have: number, signal: AbortSignal): Promise<Source> {
  if (asset.url.startsWith('file:')) {
    const file = await open(fileURLToPath(asset.url));
    return { source: file.createReadStream({ start: have }), from: have, of: (await file.stat()).size };
  }
  // Packed for the way, a part would be one of another file.
  const headers = { 'accept-encoding': 'identity', ...(have === 0 ? {} : { range: `bytes=${have}-` }) };
  const response = await fetch(asset.url, { headers, signal });
  if (response.status === 416 && asset.size === null && have > 0) {
    // Nothing is left of it: it was whole already when it was cut off.
    await response.body?.cancel();
    return { source: Readable.from([]), from: have, of: have };
  }
  if (!response.ok || response.body === null) {
    await response.body?.cancel();
    const problem = `the server answers ${response.status} ${response.statusText}`.trim();
    throw response.status >= 500 || response.status === 429 ? new Error(problem) : new Refused(problem);
  }
  const from = response.status === 206 ? have : 0;
  const rest = Number(response.headers.get('content-length') ?? Number.NaN);
  const of = Number.isNaN(rest) ? null : from + rest;
  return { source: response.body as AsyncIterable<Uint8Array>, from, of };
}

/** The folders of one list of assets, made once. */
async function layFolders(assets: readonly PinnedAsset[], dir: string, blobs: string): Promise<LaidAssets> {
  const name = createHash('sha256')
    .update(JSON.stringify(assets.map((asset) => [asset.for, asset.path, asset.sha256]).sort()))
    .digest('hex');
  const set = join(dir, 'sets', name);
  const isMade = async () => (await markUsed(set)) && (await stat(join(set, 'complete')).catch(() => null)) !== null;
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
      await syncFileSystems(set);
      await writeFile(join(set, 'complete'), '');
    });
  }
  const has = (whom: Asset['for']) => (assets.some((asset) => asset.for === whom) ? join(set, whom) : null);
  return { everyone: has('everyone'), scorer: has('scorer') };
}

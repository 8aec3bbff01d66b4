import type { EventData } from '@plumbline/protocol';

/** What the sandbox uses now, made of two samples, and what of it is running out. */

export interface Sampled {
  atMs: number;
  sample: EventData<'resource.sample'>;
}

export interface ResourceUse {
  /** 100 for each processor that was fully used since the sample before; null after the first. */
  cpuPercent: number | null;
  memoryBytes: number | null;
  memoryLimitBytes: number | null;
  diskFreeBytes: number | null;
  gpus: { index: number; usePercent: number; memoryBytes: number }[];
  processes: number | null;
  /** What to say about it before it is too late; empty while all is well. */
  warnings: ResourceWarning[];
}

export interface ResourceWarning {
  kind: 'memory' | 'disk';
  text: string;
  /** The sample with which it began: whoever put it away is told again only where it went in between. */
  sinceMs: number;
}

/** From here on a training run that grows a little more is ended by the kernel. */
const MEMORY_SHORT = 0.9;
/** What hovers about a bound is not told of at each sample: a warning goes with so much more room than it came with. */
const MEMORY_ROOM_AGAIN = 0.85;
const DISK_ROOM_AGAIN = 1.2;
/** A checkpoint of a small model has about this size. A small disk of one's own is short when this share of it is left. */
const DISK_SHORT_BYTES = 1024 ** 3;
const DISK_SHORT_SHARE = 0.1;
/** An environment of Python packages has about as many files. */
const FILES_SHORT = 10_000;
const FILES_SHORT_SHARE = 0.05;

/** @param known what was warned of with the sample before. */
export function resourceUse(now: Sampled, before: Sampled | null, known: readonly ResourceWarning[] = []): ResourceUse {
  const {
    cpuMs,
    memoryBytes = null,
    memoryLimitBytes = null,
    diskBytes = Number.POSITIVE_INFINITY,
    diskFreeBytes = null,
    diskFiles = null,
    diskFreeFiles = null,
    gpus = [],
    processes = null,
  } = now.sample;
  const sinceMs = before ? now.atMs - before.atMs : 0;
  const usedMs = before?.sample.cpuMs === undefined || cpuMs === undefined ? null : cpuMs - before.sample.cpuMs;
  const sinceMsOf = (kind: ResourceWarning['kind']) => known.find((warning) => warning.kind === kind)?.sinceMs ?? null;
  const warnings: ResourceWarning[] = [];
  const warn = (kind: ResourceWarning['kind'], text: string) => warnings.push({ kind, text, sinceMs: sinceMsOf(kind) ?? now.atMs });
  const memoryShort = sinceMsOf('memory') === null ? MEMORY_SHORT : MEMORY_ROOM_AGAIN;
  if (memoryBytes !== null && memoryLimitBytes !== null && memoryBytes >= memoryShort * memoryLimitBytes) {
    warn('memory', 'The sandbox’s memory is nearly full. A program that asks for more will be ended; end what you do not need.');
  }
  const diskRoom = sinceMsOf('disk') === null ? 1 : DISK_ROOM_AGAIN;
  if (diskFreeBytes !== null && diskFreeBytes < diskRoom * Math.min(DISK_SHORT_BYTES, DISK_SHORT_SHARE * diskBytes)) {
    warn('disk', 'The disk is nearly full. Saving may fail soon; delete what you do not need.');
  } else if (
    diskFiles !== null &&
    diskFreeFiles !== null &&
    diskFreeFiles < diskRoom * Math.min(FILES_SHORT, FILES_SHORT_SHARE * diskFiles)
  ) {
    warn('disk', 'The disk can hold hardly any more files, whatever their size. Saving may fail soon; delete folders of many small ones.');
  }
  return {
    // The count begins again where processes were counted one by one and some have ended.
    cpuPercent: usedMs === null || usedMs < 0 || sinceMs <= 0 ? null : (100 * usedMs) / sinceMs,
    memoryBytes,
    memoryLimitBytes,
    diskFreeBytes,
    gpus,
    processes,
    warnings,
  };
}

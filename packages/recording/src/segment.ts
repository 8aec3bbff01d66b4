import { createHash, type KeyObject } from 'node:crypto';
import type { KeyframeIndex, SegmentRow } from '@plumbline/database/recordingSegments';
import type { RecordedEvent } from '@plumbline/protocol';
import { CODE_OF, decodeUnit, FORMAT, type LinePlace, lineHead, parseLine, roundAtMs } from './codec.ts';
import { openBytes, type SealingKeys, sealBytes } from './encryption.ts';
import { FormatError } from './formatError.ts';
import { giveBack } from './giveBack.ts';
import { leafHash, lineSalt, segmentRoot, segmentSaltKey, treeTop } from './merkle.ts';
import { readRuns, type SourceRuns } from './sourceRuns.ts';
import { headerNumber, readUnit, splitLines } from './unitText.ts';
import { isWithheld, leafOfWithheld } from './withheld.ts';
import { compress, decompress } from './zstd.ts';

/** Segments: sealed once, never changed, chained by their roots. */

export interface SegmentHeader {
  attempt: string;
  segment: number;
  firstSeq: number;
  lines: number;
  baseMs: number;
  previousRoot: string;
  runs: SourceRuns;
}

export interface Segment {
  header: SegmentHeader;
  headerText: string;
  lines: Buffer[];
}

export interface SegmentContent {
  attemptId: string;
  n: number;
  firstSeq: number;
  baseMs: number;
  previousRoot: string;
  runs: SourceRuns;
  /** The bodies of its batches, in order. */
  bodies: readonly Buffer[];
}

/** Seals a segment: the object to store under `row.objectHash`, and its row in the index. */
export async function sealSegment(keys: SealingKeys, content: SegmentContent): Promise<{ object: Buffer; row: SegmentRow }> {
  const { attemptId, n, firstSeq, baseMs, previousRoot, runs, bodies } = content;
  const lines = bodies.flatMap(splitLines);
  const headerText = JSON.stringify({
    format: FORMAT,
    attempt: attemptId,
    segment: n,
    firstSeq,
    lines: lines.length,
    baseMs,
    previousRoot,
    sources: runs.sources,
    runs: runs.runs,
  });
  return sealLines(keys, attemptId, n, {
    header: { attempt: attemptId, segment: n, firstSeq, lines: lines.length, baseMs, previousRoot, runs },
    headerText,
    lines,
  });
}

/** Seals the lines of a segment under its header; also those of one that was sealed before, some of them withheld since. */
export async function sealLines(
  keys: SealingKeys,
  attemptId: string,
  n: number,
  { header, headerText, lines }: Segment,
): Promise<{ object: Buffer; row: SegmentRow }> {
  const parts: Buffer[] = [Buffer.from(headerText, 'utf8')];
  for (const line of lines) parts.push(NEWLINE, line);
  const plain = Buffer.concat(parts);
  const object = sealBytes(keys, segmentLabel(attemptId, n), await compress(plain, 'kept'));
  const { firstSeq, baseMs, previousRoot } = header;
  return {
    object,
    row: {
      n,
      firstSeq,
      lastSeq: firstSeq + lines.length - 1,
      ...indexOf(lines, baseMs, firstSeq),
      objectHash: createHash('sha256').update(object).digest('hex'),
      objectBytes: object.length,
      rawBytes: plain.length - Buffer.byteLength(headerText),
      root: rootOf(keys, attemptId, n, headerText, lines),
      previousRoot,
    },
  };
}

const NEWLINE = Buffer.from('\n');

/** Opens a sealed segment. Throws `FormatError` for one that was changed or belongs elsewhere. */
export async function openSegment(keys: SealingKeys, attemptId: string, n: number, object: Uint8Array): Promise<Segment> {
  const packed = openBytes(keys, segmentLabel(attemptId, n), object);
  const unit = readUnit(await decompress(packed).finally(() => giveBack(packed)), FORMAT);
  const header = readSegmentHeader(unit.header);
  const lines = splitLines(unit.body);
  if (header.attempt !== attemptId || header.segment !== n) throw new FormatError('A segment names another place than it has.');
  if (lines.length !== header.lines) throw new FormatError(`A segment has ${lines.length} lines and its header says ${header.lines}.`);
  return { header, headerText: unit.headerText, lines };
}

/** Checks a segment's header. Throws `FormatError`. */
export function readSegmentHeader(header: Record<string, unknown>): SegmentHeader {
  const { format, attempt, previousRoot } = header;
  if (format !== FORMAT || typeof attempt !== 'string' || typeof previousRoot !== 'string') {
    throw new FormatError(`The header of a segment is not of ${FORMAT}.`);
  }
  const lines = headerNumber(header, 'lines');
  return {
    attempt,
    segment: headerNumber(header, 'segment'),
    firstSeq: headerNumber(header, 'firstSeq'),
    lines,
    baseMs: headerNumber(header, 'baseMs'),
    previousRoot,
    runs: readRuns(header, lines),
  };
}

/** The events of a segment, in `seq` order; with `wanted`, those that it lets through. Throws `FormatError`. */
export function segmentEvents({ header, lines }: Segment, wanted?: (place: LinePlace) => boolean): RecordedEvent[] {
  return decodeUnit(lines, header.baseMs, header.firstSeq, wanted);
}

/** The root that a segment's own content gives. */
export function rootOf(keys: SealingKeys, attemptId: string, n: number, headerText: string, lines: readonly Buffer[]): string {
  const saltKey = segmentSaltKey(keys.salt, attemptId, n);
  return segmentRoot(headerText, treeTop(lines.map((line, i) => leafOf(saltKey, line, i))));
}

/** The leaf of a segment's line, or the one that stands in for it. */
export function leafOf(saltKey: KeyObject, line: Buffer, index: number): Buffer {
  return isWithheld(line) ? leafOfWithheld(line) : leafHash(lineSalt(saltKey, index), line);
}

/** The index of a run of lines: least and greatest time of those that are not withheld, and where each terminal's screen can be picked up. */
export function indexOf(lines: readonly Buffer[], baseMs: number, firstSeq: number): Pick<SegmentRow, 'minAtMs' | 'maxAtMs' | 'keyframes'> {
  let least = Number.POSITIVE_INFINITY;
  let greatest = Number.NEGATIVE_INFINITY;
  const keyframes: KeyframeIndex[] = [];
  for (const [i, line] of lines.entries()) {
    if (isWithheld(line)) continue;
    const { dt, code } = lineHead(line);
    least = Math.min(least, dt);
    greatest = Math.max(greatest, dt);
    if (code === CODE_OF['terminal.keyframe'] || code === CODE_OF['terminal.opened'])
      keyframes.push(keyframeOf(line, i, baseMs, firstSeq + i));
  }
  if (least > greatest) return { minAtMs: baseMs, maxAtMs: baseMs, keyframes };
  return { minAtMs: roundAtMs(baseMs + least), maxAtMs: roundAtMs(baseMs + greatest), keyframes };
}

function keyframeOf(line: Buffer, index: number, baseMs: number, seq: number): KeyframeIndex {
  const { atMs, type, stream, data } = parseLine(line.toString('utf8'), baseMs);
  const place = { terminal: stream, seq, atMs, line: index };
  if (type === 'terminal.opened') return { ...place, offset: 0, opened: true };
  return { ...place, offset: (data as { offset: number }).offset };
}

function segmentLabel(attemptId: string, n: number): string {
  return `segment ${attemptId} ${n}`;
}

import { createHash } from 'node:crypto';
import { AppError } from '@plumbline/core';
import { type ManifestRow, readManifest } from '@plumbline/database/recordingManifests';
import { listSegments, type SegmentRow } from '@plumbline/database/recordingSegments';
import { readRecordingState, readSources, readTail } from '@plumbline/database/recordingTail';
import { readBatch } from './batch.ts';
import { canonicalJson } from './canonicalJson.ts';
import { type Problem, RecordingChain, unequalMark } from './chain.ts';
import { parseLine } from './codec.ts';
import { type SealingKeys, sealingKeys } from './encryption.ts';
import { FormatError } from './formatError.ts';
import { readManifestText, signatureHolds } from './manifest.ts';
import type { RecordingSource } from './reader.ts';
import { indexOf, openSegment, rootOf, type Segment } from './segment.ts';
import { judgeTimestamp, type Timestamp } from './timestampToken.ts';
import { splitLines } from './unitText.ts';
import { isWithheld } from './withheld.ts';

/** What verification says of one recording. `damaged` comes with the first problem; the others with none. */
export interface Verdict {
  attemptId: string;
  verdict: 'intact' | 'redacted' | 'erased' | 'damaged';
  /** Whether a manifest with a good signature covers all of it: false while the attempt still records. */
  signed: boolean;
  /** When an outside authority knew the manifest; null where none was asked, and where something is wrong. */
  timestamp: Timestamp | null;
  segments: number;
  lastSeq: number;
  /** Lines that are shown as hashes only. */
  withheld: number;
  problem: Problem | null;
}

const TAIL_PAGE_BATCHES = 64;

/** Checks all that is stored of a recording, byte for byte. Reads one segment at a time. Throws `not_found` for no attempt. */
export async function verifyRecording(source: RecordingSource): Promise<Verdict> {
  const { db, keys, attemptId } = source;
  const before = await readRecordingState(db, attemptId);
  const dataKey = await keys.findDataKey(db, attemptId);
  const chain = new RecordingChain();
  const seen = { withheld: 0 };
  const manifest = await readManifest(db, attemptId);
  const verdict = (state: Verdict['verdict'], found: Problem | null): Verdict => {
    const token = manifest?.timestampToken ?? null;
    const judged = found === null ? judgeTimestamp(manifest?.manifest ?? '', token, chain.lastSeq) : { timestamp: null, problem: found };
    return {
      attemptId,
      verdict: judged.problem === null ? state : 'damaged',
      signed: manifest !== null && dataKey !== 'absent' && judged.problem === null,
      timestamp: judged.timestamp,
      segments: chain.segments,
      lastSeq: chain.lastSeq,
      withheld: seen.withheld,
      problem: judged.problem,
    };
  };
  if (dataKey === 'destroyed') {
    const problem = walkRows(chain, await listSegments(db, attemptId)) ?? checkManifest(chain, manifest, source, { sources: false });
    return verdict('erased', problem);
  }
  if (dataKey === 'absent') {
    const lost = before.lastSeq > 0 ? chain.problem('missing_key', 'The key of the recording is missing.', before.lastSeq) : null;
    return verdict('intact', lost);
  }
  const sealing = sealingKeys(dataKey);
  const problem =
    (await walkStored(chain, source, sealing, before.lastSeq, manifest, seen)) ??
    (await checkCounters(chain, source, before.lastSeq)) ??
    checkManifest(chain, manifest, source, { sources: true });
  return verdict(seen.withheld > 0 ? 'redacted' : 'intact', problem);
}

/** Segments, then the tail, then again what was sealed meanwhile, until all that was durable at the start is seen. */
async function walkStored(
  chain: RecordingChain,
  source: RecordingSource,
  sealing: SealingKeys,
  untilSeq: number,
  manifest: ManifestRow | null,
  found: { withheld: number },
): Promise<Problem | null> {
  const signedRoots = manifest === null ? [] : rootsOf(manifest, source);
  for (let reached = -1; ; ) {
    for (const row of await listSegments(source.db, source.attemptId, chain.segments)) {
      const problem = await checkSegment(chain, row, source, sealing, signedRoots[row.n - 1], found);
      if (problem !== null) return problem;
    }
    const sealed = { lastSeq: chain.lastSeq, marks: [...chain.marks] };
    const problem = await walkTail(chain, source, sealing);
    if (problem !== null) return problem;
    if (chain.lastSeq >= untilSeq) return null;
    if (chain.lastSeq === reached) {
      return chain.problem(
        'missing_events',
        `Events ${chain.lastSeq + 1} to ${untilSeq} are neither in a segment nor in the tail.`,
        untilSeq,
      );
    }
    // What was sealed meanwhile begins before where the tail was read to.
    reached = chain.lastSeq;
    chain.goBack(sealed);
  }
}

async function checkSegment(
  chain: RecordingChain,
  row: SegmentRow,
  source: RecordingSource,
  sealing: SealingKeys,
  signedRoot: string | undefined,
  found: { withheld: number },
): Promise<Problem | null> {
  const { store, attemptId } = source;
  if (row.n !== chain.segments + 1 || row.firstSeq !== chain.lastSeq + 1) {
    return chain.problem('missing_segment', `Segment ${chain.segments + 1} is missing from the index.`, row.firstSeq - 1);
  }
  const bad = (kind: Problem['kind'], message: string) => chain.problem(kind, message, row.lastSeq);
  let object: Buffer;
  try {
    object = await store.get(row.objectHash);
  } catch (error) {
    if (error instanceof AppError && error.code === 'not_found')
      return bad('missing_object', `The object of segment ${row.n} is not in the store.`);
    throw error;
  }
  if (createHash('sha256').update(object).digest('hex') !== row.objectHash) {
    return bad('changed_content', `The object of segment ${row.n} is not the one that was stored: its hash is another.`);
  }
  let segment: Segment;
  try {
    segment = await openSegment(sealing, attemptId, row.n, object);
    const root = rootOf(sealing, attemptId, row.n, segment.headerText, segment.lines);
    if (root !== row.root) return bad('changed_content', `Segment ${row.n} does not give the root that the index names.`);
    if (signedRoot !== undefined && root !== signedRoot)
      return bad('changed_content', `Segment ${row.n} does not give the root that was signed.`);
    const difference = indexDifference(row, segment, object);
    if (difference !== null)
      return bad('changed_index', `The index row of segment ${row.n} does not agree with the segment: ${difference}.`);
    found.withheld += segment.lines.filter(isWithheld).length;
    return chain.accept(segment.header, root, (index) => {
      const line = segment.lines[index] as Buffer;
      return isWithheld(line) ? null : line.toString('utf8');
    });
  } catch (error) {
    if (error instanceof FormatError) return bad('changed_content', `Segment ${row.n}: ${error.message}`);
    throw error;
  }
}

function indexDifference(row: SegmentRow, segment: Segment, object: Buffer): string | null {
  const { header, lines } = segment;
  const index = indexOf(lines, header.baseMs, header.firstSeq);
  if (row.firstSeq !== header.firstSeq || row.lastSeq !== header.firstSeq + header.lines - 1) return 'its range';
  if (row.previousRoot !== header.previousRoot) return 'its previous root';
  if (row.minAtMs !== index.minAtMs || row.maxAtMs !== index.maxAtMs) return 'its times';
  if (row.objectBytes !== object.length || row.rawBytes !== lines.reduce((sum, line) => sum + line.length + 1, 0)) return 'its size';
  return canonicalJson(row.keyframes) === canonicalJson(index.keyframes) ? null : 'its keyframes';
}

async function walkTail(chain: RecordingChain, source: RecordingSource, sealing: SealingKeys): Promise<Problem | null> {
  for (;;) {
    const rows = await readTail(source.db, source.attemptId, chain.lastSeq + 1, TAIL_PAGE_BATCHES);
    for (const row of rows) {
      // A hole: either sealed meanwhile, which the caller sees next, or lost, which the caller sees then.
      if (row.firstSeq !== chain.lastSeq + 1) return null;
      const bad = (message: string) => chain.problem('changed_content', message, row.lastSeq);
      try {
        const batch = await readBatch(sealing, source.attemptId, row.firstSeq, row.batch);
        const lines = splitLines(batch.body);
        const isWhole =
          lines.length === batch.lines && row.lastSeq === row.firstSeq + batch.lines - 1 && row.rawBytes === batch.body.length + 1;
        if (!isWhole) return bad('A batch of the tail has another size than its row says.');
        const disorder = chain.acceptRuns(batch.runs, (index) => parseLine((lines[index] as Buffer).toString('utf8'), batch.baseMs));
        if (disorder !== null) return chain.problem('source_order', disorder, row.lastSeq);
        chain.lastSeq = row.lastSeq;
      } catch (error) {
        if (error instanceof FormatError) return bad(`A batch of the tail: ${error.message}`);
        throw error;
      }
    }
    if (rows.length < TAIL_PAGE_BATCHES) return null;
  }
}

/** The counters of the attempt and of its sources, where nothing was recorded meanwhile. */
async function checkCounters(chain: RecordingChain, source: RecordingSource, lastSeqBefore: number): Promise<Problem | null> {
  const sources = await readSources(source.db, source.attemptId);
  const { lastSeq } = await readRecordingState(source.db, source.attemptId);
  if (lastSeq !== lastSeqBefore) return null;
  const at = (message: string): Problem => ({ kind: 'wrong_count', segment: null, firstSeq: 1, lastSeq: chain.lastSeq, message });
  if (chain.lastSeq !== lastSeq) return at(`The recording has ${chain.lastSeq} events and the attempt says ${lastSeq}.`);
  const unequal = unequalMark(chain.marks, sources);
  return unequal === null ? null : at(`The database and the recording differ in how far ${unequal} was heard.`);
}

function checkManifest(
  chain: RecordingChain,
  manifest: ManifestRow | null,
  source: RecordingSource,
  check: { sources: boolean },
): Problem | null {
  if (manifest === null) return null;
  const at = (kind: Problem['kind'], message: string): Problem => ({ kind, segment: null, firstSeq: 1, lastSeq: chain.lastSeq, message });
  if (!signatureHolds(manifest.manifest, manifest.signature, source.keys.publicKey)) {
    return at('bad_signature', 'The manifest is not signed by the key of this deployment, or was changed after it was signed.');
  }
  try {
    const read = readManifestText(manifest.manifest);
    return chain.compare(check.sources ? read : { ...read, sources: Object.fromEntries(chain.marks) }, source.attemptId);
  } catch (error) {
    if (error instanceof FormatError) return at('wrong_manifest', error.message);
    throw error;
  }
}

/** The roots that were signed, so that a segment that was swapped with its row is named itself and not its follower. */
function rootsOf(manifest: ManifestRow, source: RecordingSource): string[] {
  if (!signatureHolds(manifest.manifest, manifest.signature, source.keys.publicKey)) return [];
  try {
    return readManifestText(manifest.manifest).segments.map(({ root }) => root);
  } catch {
    // Said by `checkManifest`.
    return [];
  }
}

/** The tombstone of an erased recording: rows that still chain, without what they stood for. */
function walkRows(chain: RecordingChain, rows: readonly SegmentRow[]): Problem | null {
  for (const row of rows) {
    const header = {
      attempt: '',
      segment: row.n,
      firstSeq: row.firstSeq,
      lines: row.lastSeq - row.firstSeq + 1,
      baseMs: 0,
      previousRoot: row.previousRoot,
      runs: { sources: [], runs: [] },
    };
    const problem = chain.accept(header, row.root, () => null);
    if (problem !== null) return problem;
  }
  return null;
}

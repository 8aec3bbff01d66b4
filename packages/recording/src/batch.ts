import { encodeUnit, type PreparedEvent } from './codec.ts';
import { openBytes, type SealingKeys, sealBytes } from './encryption.ts';
import { FormatError } from './formatError.ts';
import { addRun, emptyRuns, readRuns, type SourceRuns } from './sourceRuns.ts';
import { headerNumber, readUnit } from './unitText.ts';
import { compress, decompress } from './zstd.ts';

/** Batches: what one commit adds to the tail. The lines are the segment's own; only the wrapping goes when it is sealed. */

const NEWLINE = 10;
const BATCH_FORMAT = 'plumbline-batch/1';

export interface NumberedEvent {
  source: string;
  n: number;
  prepared: PreparedEvent;
}

export interface Batch {
  firstSeq: number;
  lines: number;
  baseMs: number;
  /** This batch begins a segment: what stands before it in the tail is complete. */
  starts: boolean;
  runs: SourceRuns;
  /** Its lines, parted by newlines. */
  body: Buffer;
}

/** Encodes, compresses and encrypts one batch, and answers what it was made of too. `rawBytes` counts its lines with their newlines. */
export async function writeBatch(
  keys: SealingKeys,
  attemptId: string,
  place: { firstSeq: number; baseMs: number; starts: boolean },
  events: readonly NumberedEvent[],
): Promise<{ sealed: Buffer; rawBytes: number; batch: Batch }> {
  const runs = emptyRuns();
  for (const { source, n } of events) addRun(runs, source, n, 1);
  const lines = encodeUnit(
    events.map(({ prepared }) => prepared),
    place.baseMs,
  );
  const header = JSON.stringify({ format: BATCH_FORMAT, ...place, lines: lines.length, ...runs });
  const content = joinLines([header, ...lines]);
  const sealed = sealBytes(keys, batchLabel(attemptId, place.firstSeq), await compress(content, 'fast'));
  const headerBytes = Buffer.byteLength(header);
  const batch = { ...place, lines: lines.length, runs, body: content.subarray(headerBytes + 1) };
  return { sealed, rawBytes: content.length - headerBytes, batch };
}

/** Opens a batch of the tail. Throws `FormatError` for one that was changed or stands in the wrong place. */
export async function readBatch(keys: SealingKeys, attemptId: string, firstSeq: number, sealed: Uint8Array): Promise<Batch> {
  const unit = readUnit(await decompress(openBytes(keys, batchLabel(attemptId, firstSeq), sealed)), BATCH_FORMAT);
  const lines = headerNumber(unit.header, 'lines');
  if (headerNumber(unit.header, 'firstSeq') !== firstSeq) throw new FormatError('A batch names another place than it has.');
  return {
    firstSeq,
    lines,
    baseMs: headerNumber(unit.header, 'baseMs'),
    starts: unit.header.starts === true,
    runs: readRuns(unit.header, lines),
    body: unit.body,
  };
}

/** The lines as bytes, parted by newlines. Joined as text they would stand in memory twice more, a megabyte each time. */
function joinLines(lines: readonly string[]): Buffer {
  let bytes = lines.length - 1;
  for (const line of lines) bytes += Buffer.byteLength(line, 'utf8');
  const content = Buffer.allocUnsafe(bytes);
  let at = 0;
  for (const line of lines) {
    if (at > 0) content[at++] = NEWLINE;
    at += content.write(line, at, 'utf8');
  }
  return content;
}

function batchLabel(attemptId: string, firstSeq: number): string {
  return `batch ${attemptId} ${firstSeq}`;
}

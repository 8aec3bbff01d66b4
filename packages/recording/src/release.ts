import { createHash } from 'node:crypto';
import { listSeals } from '@plumbline/database/recordingSeals';
import { listSegments } from '@plumbline/database/recordingSegments';
import { parseLine } from './codec.ts';
import { sealingKeys } from './encryption.ts';
import { FormatError } from './formatError.ts';
import { leafHash, lineSalt, segmentSaltKey } from './merkle.ts';
import { isSealed } from './participantSeals.ts';
import type { RecordingSource } from './reader.ts';
import { type ReleasedLine, releaseLine, type WithheldLine } from './releasedLine.ts';
import { leafOf, openSegment } from './segment.ts';
import { isWithheld } from './withheld.ts';
import { compressFrame } from './zstd.ts';

/** One segment of a release: a zstd frame of `events/<attempt>.jsonl.zst`, and a line of `proofs/<attempt>.jsonl`. */
export interface ReleasedSegment {
  lines: (ReleasedLine | WithheldLine)[];
  frame: Buffer;
  proof: SegmentProof;
}

/** What makes a released segment's lines checkable. */
export interface SegmentProof {
  /** The segment's header, character for character. */
  header: string;
  root: string;
  /** Length of the segment's frame in the events file. */
  frameBytes: number;
  /** SHA-256 of that frame, so that a wrong length is found here and not in the next segment. */
  frameHash: string;
  /** Per line, in base64: the salt of a shown line (16 bytes), the leaf of a withheld one (32 bytes). */
  proofs: string[];
}

/**
 * The sealed segments of a recording in order, each as a release shows it. `withhold` decides by an event's type and its data as in
 * the line; what the participant had sealed is withheld too where it has not been taken out yet.
 */
export async function* releaseSegments(
  source: RecordingSource,
  withhold: (type: string, data: unknown) => boolean,
): AsyncGenerator<ReleasedSegment> {
  const { db, store, keys, attemptId } = source;
  const dataKey = await keys.findDataKey(db, attemptId);
  if (typeof dataKey === 'string') throw new FormatError(dataKey === 'destroyed' ? 'The recording was erased.' : 'Nothing was recorded.');
  const sealing = sealingKeys(dataKey);
  const seals = await listSeals(db, attemptId);
  for (const row of await listSegments(db, attemptId)) {
    const { header, headerText, lines } = await openSegment(sealing, attemptId, row.n, await store.get(row.objectHash));
    const saltKey = segmentSaltKey(sealing.salt, attemptId, row.n);
    const proofs: string[] = [];
    const shown = lines.map((line, i): ReleasedLine | WithheldLine => {
      const seq = header.firstSeq + i;
      if (isWithheld(line)) {
        proofs.push(leafOf(saltKey, line, i).toString('base64'));
        return { seq, withheld: true };
      }
      const salt = lineSalt(saltKey, i);
      const text = line.toString('utf8');
      const { type, code, atMs, data } = parseLine(text, header.baseMs);
      if (withhold(type ?? code, data) || isSealed(seals, { type, atMs })) {
        proofs.push(leafHash(salt, line).toString('base64'));
        return { seq, withheld: true };
      }
      proofs.push(salt.toString('base64'));
      return releaseLine(text, header.baseMs, seq);
    });
    const frame = await compressFrame(Buffer.from(shown.map((line) => `${JSON.stringify(line)}\n`).join(''), 'utf8'));
    yield {
      lines: shown,
      frame,
      proof: {
        header: headerText,
        root: row.root,
        frameBytes: frame.length,
        frameHash: createHash('sha256').update(frame).digest('hex'),
        proofs,
      },
    };
  }
}

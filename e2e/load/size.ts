import { constants, zstdCompressSync } from 'node:zlib';
import type { EventInput, RecordedEvent } from '@plumbline/protocol';
import { CastWriter, encodeUnit, prepareEvent, sealingKeys } from '@plumbline/recording';
import { SEGMENT_FULL_BYTES, SEGMENT_LONGEST_MS } from '@plumbline/recording/recorder';
import { sealSegment } from '@plumbline/recording/segment';
import { KEPT_LEVEL } from '@plumbline/recording/zstd';
import { longAttempt } from './longAttempt.ts';
import { rounded } from './summary.ts';

const HOUR_MS = 3_600_000;
const START_MS = 1_790_000_000_000;
const SEED = Number(process.env.BENCH_SEED ?? 7);

/** What eight hours of work take up: its terminals beside an asciicast of the same bytes, its editor beside the saved files. */
export async function benchSize(): Promise<Record<string, unknown>> {
  const { events, savedVersions } = longAttempt({ startMs: START_MS, lengthMs: 8 * HOUR_MS, seed: SEED, outputBytes: 0 });
  const isOfCast = ({ type }: EventInput) => type === 'terminal.opened' || type === 'terminal.output' || type === 'terminal.resized';
  const terminals = await segmentsOf(events.filter(isOfCast));
  const casts = castsOf(events.filter(isOfCast));
  const editor = await segmentsOf(events.filter(({ type }) => type.startsWith('editor.')));
  const whole = await segmentsOf(events);
  const saved = savedVersions.map((text) => compressed(Buffer.from(text)));
  const ratio = terminals.bytes / casts.bytes;
  const savedBytes = saved.reduce((sum, bytes) => sum + bytes, 0);
  const faults: string[] = [];
  if (ratio > 1.1) faults.push(`the terminals take ${ratio.toFixed(3)} times what an asciicast takes`);
  const savedRawBytes = savedVersions.reduce((sum, text) => sum + text.length, 0);
  if (editor.bytes >= savedRawBytes) faults.push(`the editor's history takes ${editor.bytes} bytes, its saved versions ${savedRawBytes}`);
  return {
    bench: 'size',
    seed: SEED,
    hours: 8,
    events: events.length,
    wholeBytes: whole.bytes,
    segments: whole.segments,
    terminals: { rawBytes: terminals.rawBytes, bytes: terminals.bytes, segments: terminals.segments },
    asciicast: { rawBytes: casts.rawBytes, bytes: casts.bytes },
    editor: { rawBytes: editor.rawBytes, bytes: editor.bytes },
    savedVersions: { count: saved.length, rawBytes: savedRawBytes, compressedOneByOneBytes: savedBytes },
    ratio: rounded(ratio),
    editorRatio: rounded(editor.bytes / savedRawBytes),
    faults,
  };
}

function compressed(bytes: Uint8Array): number {
  return zstdCompressSync(bytes, { params: { [constants.ZSTD_c_compressionLevel]: KEPT_LEVEL } }).length;
}

/** The casts of all terminals, each compressed as one. */
function castsOf(events: readonly EventInput[]): { rawBytes: number; bytes: number } {
  const sum = { rawBytes: 0, bytes: 0 };
  for (const terminal of new Set(events.map(({ stream }) => stream))) {
    const writer = new CastWriter();
    const own = events.filter(({ stream }) => stream === terminal);
    const cast = Buffer.from(own.map((event, i) => writer.write({ ...event, seq: i + 1 } as RecordedEvent)).join(''));
    sum.rawBytes += cast.length;
    sum.bytes += compressed(cast);
  }
  return sum;
}

/** The objects of the segments that these events fill. */
async function segmentsOf(events: readonly EventInput[]): Promise<{ rawBytes: number; bytes: number; segments: number }> {
  const keys = sealingKeys(Buffer.alloc(32, 7));
  const sum = { rawBytes: 0, bytes: 0, segments: 0 };
  let firstSeq = 1;
  let previousRoot = '0'.repeat(64);
  const seal = async (part: readonly EventInput[]) => {
    const baseMs = Math.floor((part[0] as EventInput).atMs);
    const lines = encodeUnit(
      part.map((event) => prepareEvent(event, event.atMs)),
      baseMs,
    );
    const runs = { sources: ['runner:bench'], runs: [[0, firstSeq, lines.length]] as [number, number, number][] };
    const bodies = [Buffer.from(lines.join('\n'))];
    const n = sum.segments + 1;
    const { object, row } = await sealSegment(keys, { attemptId: 'bench', n, firstSeq, baseMs, previousRoot, runs, bodies });
    sum.rawBytes += row.rawBytes;
    sum.bytes += object.length;
    sum.segments = n;
    firstSeq += lines.length;
    previousRoot = row.root;
  };
  let part: EventInput[] = [];
  let size = 0;
  for (const event of events) {
    const isFull = size >= SEGMENT_FULL_BYTES || (part[0] !== undefined && event.atMs - part[0].atMs >= SEGMENT_LONGEST_MS);
    if (isFull) {
      await seal(part);
      part = [];
      size = 0;
    }
    part.push(event);
    size += prepareEvent(event, event.atMs).size;
  }
  if (part.length > 0) await seal(part);
  return sum;
}

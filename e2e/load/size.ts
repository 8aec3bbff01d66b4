import { constants, zstdCompressSync } from 'node:zlib';
import type { EventInput, RecordedEvent } from '@plumbline/protocol';
import { CastWriter, encodeUnit, prepareEvent, sealingKeys } from '@plumbline/recording';
import { emptyIndex, IndexBuilder } from '@plumbline/recording/indexBuilder';
import { SEGMENT_FULL_BYTES, SEGMENT_LONGEST_MS } from '@plumbline/recording/recorder';
import { sealSegment } from '@plumbline/recording/segment';
import { compress, KEPT_LEVEL } from '@plumbline/recording/zstd';
import { longAttempt } from './longAttempt.ts';
import { rounded } from './summary.ts';

const HOUR_MS = 3_600_000;
const START_MS = 1_790_000_000_000;
const SEED = Number(process.env.BENCH_SEED ?? 7);

/**
 * What eight hours of work take up: their terminals beside an asciicast of the same bytes, their editor beside the saved files, each
 * compressed; and all that the store holds of them, part by part.
 */
export async function benchSize(): Promise<Record<string, unknown>> {
  const { events, savedVersions } = await longAttempt({ startMs: START_MS, lengthMs: 8 * HOUR_MS, seed: SEED, outputBytes: 0 });
  const isKeyframe = ({ type }: EventInput) => type === 'terminal.keyframe';
  const isOfCast = ({ type }: EventInput) => type === 'terminal.opened' || type === 'terminal.output' || type === 'terminal.resized';
  const isOfEditor = ({ type }: EventInput) => type.startsWith('editor.');
  const whole = await segmentsOf(events);
  /** What the recording would be smaller by without them: parts that are compressed together have no sizes of their own. */
  const partOf = async (isPart: (event: EventInput) => boolean) => {
    const count = events.filter(isPart).length;
    return { count, bytes: whole.bytes - (await segmentsOf(events.filter((event) => !isPart(event)))).bytes };
  };
  const casts = castsOf(events.filter(isOfCast));
  const terminals = await segmentsOf(events.filter((event) => isOfCast(event) || isKeyframe(event)));
  const terminalsWithoutKeyframes = await segmentsOf(events.filter(isOfCast));
  const editor = await segmentsOf(events.filter(isOfEditor));
  const savedBytes = savedVersions.reduce((sum, text) => sum + compressed(Buffer.from(text)), 0);
  const ratio = terminals.bytes / casts.bytes;
  const editorRatio = editor.bytes / savedBytes;
  const faults: string[] = [];
  if (ratio > 1.1) faults.push(`the terminals take ${ratio.toFixed(3)} times what an asciicast takes`);
  if (editorRatio >= 1) faults.push(`the editor's history takes ${editor.bytes} bytes, its saved versions ${savedBytes}`);
  return {
    bench: 'size',
    seed: SEED,
    hours: 8,
    events: events.length,
    recording: {
      bytes: whole.bytes,
      segments: whole.segments,
      rowBytes: whole.rowBytes,
      parts: {
        output: await partOf(isOfCast),
        keyframes: await partOf(isKeyframe),
        input: await partOf(({ type }) => type === 'terminal.input'),
        commands: await partOf(({ type }) => type.startsWith('command.')),
        editor: await partOf(isOfEditor),
        samples: await partOf(({ type }) => type === 'resource.sample'),
      },
    },
    madeOfTheRecordingAtAnyTime: { indexBytes: await indexBytesOf(events) },
    terminals: { rawBytes: terminals.rawBytes, bytes: terminals.bytes, bytesWithoutKeyframes: terminalsWithoutKeyframes.bytes },
    asciicast: casts,
    editor: { rawBytes: editor.rawBytes, bytes: editor.bytes },
    savedVersions: { count: savedVersions.length, bytes: savedBytes },
    ratio: rounded(ratio),
    editorRatio: rounded(editorRatio),
    faults,
  };
}

/** The index that replays begin with, as it is kept beside a finished recording. */
async function indexBytesOf(events: readonly EventInput[]): Promise<number> {
  const builder = new IndexBuilder(emptyIndex());
  for (const [i, event] of events.entries()) builder.add({ ...event, seq: i + 1 } as RecordedEvent);
  return (await compress(Buffer.from(JSON.stringify(builder.take())), 'kept')).length;
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

/** The objects of the segments that these events fill, and their rows in the database. */
async function segmentsOf(events: readonly EventInput[]): Promise<{ rawBytes: number; bytes: number; rowBytes: number; segments: number }> {
  const keys = sealingKeys(Buffer.alloc(32, 7));
  const sum = { rawBytes: 0, bytes: 0, rowBytes: 0, segments: 0 };
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
    sum.rowBytes += JSON.stringify(row).length;
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

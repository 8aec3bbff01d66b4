import { createPublicKey } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { EVENTS } from '@plumbline/protocol';
import { describe, expect, it } from 'vitest';
import { openBlob, openBlobPart, sealBlob, sealBlobPart } from './blob.ts';
import { decodeUnit, encodeUnit, parseLine, prepareEvent } from './codec.ts';
import { sealingKeys } from './encryption.ts';
import { laterEvents } from './exampleEvents.fixture.ts';
import { goldenRecording } from './goldenRecording.fixture.ts';
import { signatureHolds } from './manifest.ts';
import { openSegment, rootOf, segmentEvents } from './segment.ts';

/** What `docs/recording-format.md` promises: files of this version are read for ever, and written as they are. */
const GOLDEN = new URL('../fixtures/plumbline-recording-1.json', import.meta.url);
/** The same segments as objects that begin with the number of the dictionary's form. */
const SECOND_FORM = new URL('../fixtures/plumbline-objects-2.json', import.meta.url);
const LATER_LINES = new URL('../fixtures/plumbline-later-lines-1.json', import.meta.url);
/** Sealed by what the document says, and not by this package. */
const BLOB = new URL('../fixtures/plumbline-blob-1.json', import.meta.url);
const LATER_BASE_MS = 1_790_000_000_000;

interface Golden {
  attempt: string;
  dataKey: string;
  segments: { header: string; lines: string[]; root: string; object: string }[];
  manifest: string;
  signature: string;
  publicKey: string;
}

const golden = JSON.parse(await readFile(GOLDEN, 'utf8')) as Golden;
const keys = sealingKeys(Buffer.from(golden.dataKey, 'hex'));

describe('the golden recording of format 1', () => {
  it('opens to the lines, roots and events that it was made of', async () => {
    const made = await goldenRecording();
    const events = [];
    for (const [i, { header, lines, root, object }] of golden.segments.entries()) {
      const segment = await openSegment(keys, golden.attempt, i + 1, Buffer.from(object, 'base64'));
      expect(segment.headerText).toBe(header);
      expect(segment.lines.map((line) => line.toString('utf8'))).toEqual(lines);
      expect(rootOf(keys, golden.attempt, i + 1, segment.headerText, segment.lines)).toBe(root);
      events.push(...segmentEvents(segment));
    }
    expect(events.map(({ seq, receivedAtMs, ...event }) => event)).toEqual(made.events);
    expect(events.filter((event) => event.receivedAtMs !== undefined).map(({ seq }) => seq)).toEqual([12, made.events.length]);
  });

  it('opens from objects of the second form, compressed with the dictionary, to the same lines', async () => {
    const objects = JSON.parse(await readFile(SECOND_FORM, 'utf8')) as string[];
    for (const [i, object] of objects.entries()) {
      const segment = await openSegment(keys, golden.attempt, i + 1, Buffer.from(object, 'base64'));
      expect(segment.lines.map((line) => line.toString('utf8'))).toEqual(golden.segments[i]?.lines);
    }
    expect(objects).toHaveLength(golden.segments.length);
  });

  it('has beside it the lines of kinds that were added since, as they are written', async () => {
    const lines = JSON.parse(await readFile(LATER_LINES, 'utf8')) as string[];
    const events = laterEvents(LATER_BASE_MS);
    expect(
      encodeUnit(
        events.map((event) => prepareEvent(event, event.atMs)),
        LATER_BASE_MS,
      ),
    ).toEqual(lines);
    expect(
      decodeUnit(
        lines.map((line) => Buffer.from(line)),
        LATER_BASE_MS,
        1,
      ).map(({ seq, ...event }) => event),
    ).toEqual(events);
    const kinds = new Set([...golden.segments.flatMap((segment) => segment.lines), ...lines].map((line) => parseLine(line, 0).type));
    expect([...kinds].sort()).toEqual(Object.keys(EVENTS).sort());
  });

  it('is written today as it was then', async () => {
    const made = await goldenRecording();
    expect(made.segments.map(({ lines, root }) => ({ lines, root }))).toEqual(golden.segments.map(({ lines, root }) => ({ lines, root })));
    expect(made.manifest).toBe(golden.manifest);
    expect(made.signature).toBe(golden.signature);
  });

  it('has a signature that holds for its text and for no other', () => {
    const publicKey = createPublicKey(golden.publicKey);
    expect(signatureHolds(golden.manifest, golden.signature, publicKey)).toBe(true);
    expect(signatureHolds(golden.manifest.replace('"lastSeq"', '"lastseq"'), golden.signature, publicKey)).toBe(false);
  });
});

it('the golden blob of format 1 opens to what it holds, whole and as a part, and is sealed today as it was then', async () => {
  const blob = JSON.parse(await readFile(BLOB, 'utf8')) as {
    dataKey: string;
    hash: string;
    plain: string;
    object: string;
    part: { part: number; parts: number; object: string };
  };
  const dataKey = Buffer.from(blob.dataKey, 'hex');
  const plain = Buffer.from(blob.plain);
  const place = { hash: blob.hash, part: blob.part.part, parts: blob.part.parts };
  expect(openBlob(dataKey, Buffer.from(blob.object, 'base64'), blob.hash).toString()).toBe(blob.plain);
  expect(openBlobPart(dataKey, Buffer.from(blob.part.object, 'base64'), place).toString()).toBe(blob.plain);
  expect(sealBlob(dataKey, plain, blob.hash).toString('base64')).toBe(blob.object);
  expect(sealBlobPart(dataKey, plain, place).toString('base64')).toBe(blob.part.object);
});

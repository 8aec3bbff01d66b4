import { createPrivateKey } from 'node:crypto';
import { encodeUnit, prepareEvent } from './codec.ts';
import { sealingKeys } from './encryption.ts';
import { exampleEvents } from './exampleEvents.fixture.ts';
import { keyFingerprint, manifestText, signText } from './manifest.ts';
import { NO_ROOT } from './merkle.ts';
import { sealSegment } from './segment.ts';
import { addRun, emptyRuns } from './sourceRuns.ts';

/** The recording that the golden files hold: every kind of event, two segments, keys that protect nothing. */

const BASE_MS = 1_790_000_000_000;
const ATTEMPT = '00000000-0000-4000-8000-0000000000aa';
/** An Ed25519 key whose seed is 32 bytes of 0x42 (PKCS #8, DER). */
const SIGNING_KEY = createPrivateKey({
  key: Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), Buffer.alloc(32, 0x42)]),
  format: 'der',
  type: 'pkcs8',
});
const DATA_KEY = Buffer.alloc(32, 0x17);

/** Makes the golden recording anew. Everything but `object` (which depends on the compressor) must equal the files. */
export async function goldenRecording() {
  const keys = sealingKeys(DATA_KEY);
  const events = exampleEvents(BASE_MS);
  const segments: { firstSeq: number; lastSeq: number; root: string; object: Buffer; lines: string[] }[] = [];
  let previousRoot = NO_ROOT;
  let firstSeq = 1;
  for (const part of [events.slice(0, 12), events.slice(12)]) {
    const runs = emptyRuns();
    addRun(runs, 'runner:a', firstSeq, part.length);
    // The last event of each part arrived late.
    const prepared = part.map((event, i) => prepareEvent(event, i === part.length - 1 ? event.atMs + 2500.5 : event.atMs));
    const baseMs = Math.floor((part[0] as { atMs: number }).atMs);
    const lines = encodeUnit(prepared, baseMs);
    const n = segments.length + 1;
    const body = Buffer.from(lines.join('\n'), 'utf8');
    const { object, row } = await sealSegment(keys, { attemptId: ATTEMPT, n, firstSeq, baseMs, previousRoot, runs, bodies: [body] });
    segments.push({ firstSeq, lastSeq: row.lastSeq, root: row.root, object, lines });
    previousRoot = row.root;
    firstSeq += part.length;
  }
  const manifest = manifestText({
    attempt: ATTEMPT,
    lastSeq: firstSeq - 1,
    segments: segments.map(({ firstSeq: first, lastSeq, root }) => ({ firstSeq: first, lastSeq, root })),
    root: previousRoot,
    sources: { 'runner:a': firstSeq - 1 },
    signer: keyFingerprint(SIGNING_KEY),
    signedAtMs: BASE_MS + 10_000,
  });
  return {
    attemptId: ATTEMPT,
    dataKey: DATA_KEY,
    signingKey: SIGNING_KEY,
    events,
    segments,
    manifest,
    signature: signText(manifest, SIGNING_KEY),
  };
}

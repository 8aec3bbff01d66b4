import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '@plumbline/config/systemClock';
import { pino } from 'pino';
import { Blobs } from './blobs.ts';

/**
 * For tests of what takes a runner's blobs, which start it as a process with `URL TOKEN DIR FILE…`: uploads the files, which it moves
 * into the folder, and gets each back. Ends with 0 where all were stored, and came back as they were.
 */
const [url = '', token = '', dir = '', ...files] = process.argv.slice(2);
const onLost = (lost: object) => console.error(JSON.stringify(lost));
const blobs = new Blobs({ dir: join(dir, 'blobs'), url, token, clock: systemClock, logger: pino({ level: 'silent' }), onLost });
await blobs.open();
const hashes = files.map((file) => createHash('sha256').update(readFileSync(file)).digest('hex'));
for (const [i, file] of files.entries()) await blobs.add(file, hashes[i] as string, false);
// Ends what hangs, just before the test that waits for it: beside others, tens of megabytes take minutes.
if (!(await blobs.drained(170_000))) process.exit(1);
// What is uploaded is not kept here: it comes from there, and is compared with its hash.
for (const hash of hashes) await blobs.fetch(hash);
process.exit(0);

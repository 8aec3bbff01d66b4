import type { Clock, Timer } from '@plumbline/core';
import { insertSegment, lastSegment } from '@plumbline/database/recordingSegments';
import { type RecordingDatabase, readTail } from '@plumbline/database/recordingTail';
import type { ObjectStore } from '@plumbline/storage';
import { type Batch, readBatch } from './batch.ts';
import type { SealingKeys } from './encryption.ts';
import { NO_ROOT } from './merkle.ts';
import { type SegmentContent, sealSegment } from './segment.ts';
import { addRuns, emptyRuns } from './sourceRuns.ts';

/**
 * Turns complete stretches of the tail into sealed segments, beside the recorder and never in its way. The tail is what is
 * sealed: a recorder that takes over reads what its predecessor left. What the recorder itself has just committed is held in
 * memory, so that a flood is not read back, decrypted and decompressed a second after it was written.
 */
export interface SealerOptions {
  db: RecordingDatabase;
  store: ObjectStore;
  sealing: SealingKeys;
  attemptId: string;
  epoch: number;
  setTimer: Clock['setTimer'];
  onStale(): void;
  onError(error: unknown): void;
}

const PAGE_BATCHES = 64;
/** About a segment: in a flood the tail is many of them, and what is read of it beyond the next one is read for nothing. */
const PAGE_BYTES = 1024 * 1024;
/** Of committed batches, this much is held: a segment being sealed, and the next. What comes on top is read from the tail. */
const HELD_MAX_BYTES = 3 * 1024 * 1024;
const FIRST_RETRY_MS = 100;
const LONGEST_RETRY_MS = 5_000;

export class Sealer {
  private readonly options: SealerOptions;
  private target = 0;
  private running = false;
  private closed = false;
  private retryMs = FIRST_RETRY_MS;
  private retry: Timer | null = null;
  private chain: { n: number; lastSeq: number; root: string } | null = null;
  /** Committed batches by their first `seq`. */
  private readonly held = new Map<number, Batch>();
  private heldBytes = 0;
  private waiting: { seq: number; resolve: () => void; reject: (error: Error) => void }[] = [];

  constructor(options: SealerOptions) {
    this.options = options;
  }

  /** Told of each batch that the tail has since this moment; its body must not change any more. */
  committed(batch: Batch): void {
    if (this.closed || this.heldBytes + batch.body.length > HELD_MAX_BYTES) return;
    this.held.set(batch.firstSeq, batch);
    this.heldBytes += batch.body.length;
  }

  /** Asks for everything up to `seq` to be sealed; `seq` must be the end of a segment. Failures are tried again. */
  request(seq: number): void {
    if (seq <= this.target || this.closed) return;
    this.target = seq;
    this.wake();
  }

  /** Resolves when everything up to `seq` is sealed; rejects when the sealer is closed before. */
  async sealed(seq: number): Promise<void> {
    this.request(seq);
    if (this.chain !== null && this.chain.lastSeq >= seq) return;
    if (seq === 0) return;
    if (this.closed) throw new Error('The recorder was closed before its recording was sealed.');
    await new Promise<void>((resolve, reject) => this.waiting.push({ seq, resolve, reject }));
  }

  /** Stops for good. What is not sealed stays in the tail for the next owner. */
  close(): void {
    this.closed = true;
    this.retry?.cancel();
    this.retry = null;
    this.held.clear();
    for (const { reject } of this.waiting.splice(0)) reject(new Error('The recorder was closed before its recording was sealed.'));
  }

  private wake(): void {
    if (this.running || this.closed || this.retry !== null) return;
    this.running = true;
    void this.work()
      .catch((error: unknown) => {
        this.options.onError(error);
        if (this.closed) return;
        // What is known of the chain may be what went wrong.
        this.chain = null;
        this.retry = this.options.setTimer(this.retryMs, () => {
          this.retry = null;
          this.wake();
        });
        this.retryMs = Math.min(this.retryMs * 2, LONGEST_RETRY_MS);
      })
      .finally(() => {
        this.running = false;
        if (this.chain !== null && this.chain.lastSeq < this.target) this.wake();
      });
  }

  private async work(): Promise<void> {
    const { db, store, sealing, attemptId, epoch } = this.options;
    if (this.chain === null) {
      const last = await lastSegment(db, attemptId);
      this.chain = last === null ? { n: 0, lastSeq: 0, root: NO_ROOT } : { n: last.n, lastSeq: last.lastSeq, root: last.root };
      this.settle();
    }
    while (!this.closed && this.chain.lastSeq < this.target) {
      const { object, row } = await sealSegment(sealing, await this.nextContent(this.chain));
      await store.put(row.objectHash, object);
      if (this.closed) return;
      if ((await insertSegment(db, attemptId, epoch, row)) === 'stale') {
        this.options.onStale();
        return;
      }
      this.chain = { n: row.n, lastSeq: row.lastSeq, root: row.root };
      this.retryMs = FIRST_RETRY_MS;
      this.forgetHeld(row.lastSeq);
      this.settle();
    }
  }

  /** The batches after what is sealed, up to where the next segment begins. */
  private async nextContent(after: { n: number; lastSeq: number; root: string }): Promise<SegmentContent> {
    const { attemptId } = this.options;
    const firstSeq = after.lastSeq + 1;
    const bodies: Buffer[] = [];
    const runs = emptyRuns();
    let baseMs = 0;
    for await (const batch of this.batchesFrom(firstSeq)) {
      if (bodies.length === 0) baseMs = batch.baseMs;
      else if (batch.starts || batch.baseMs !== baseMs || batch.firstSeq > this.target) break;
      bodies.push(batch.body);
      addRuns(runs, batch.runs);
    }
    if (bodies.length === 0) throw new Error(`The tail has no batch at ${firstSeq}.`);
    return { attemptId, n: after.n + 1, firstSeq, baseMs, previousRoot: after.root, runs, bodies };
  }

  private async *batchesFrom(firstSeq: number): AsyncGenerator<Batch> {
    const { db, sealing, attemptId } = this.options;
    let next = firstSeq;
    while (next <= this.target) {
      const held = this.held.get(next);
      if (held !== undefined) {
        yield held;
        next += held.lines;
        continue;
      }
      const rows = await readTail(db, attemptId, next, PAGE_BATCHES, PAGE_BYTES);
      if (rows.length === 0) return;
      for (const row of rows) {
        if (row.firstSeq !== next) throw new Error(`The tail has no batch at ${next}.`);
        yield await readBatch(sealing, attemptId, row.firstSeq, row.batch);
        next = row.lastSeq + 1;
      }
    }
  }

  private forgetHeld(upToSeq: number): void {
    for (const [firstSeq, { body }] of this.held) {
      if (firstSeq > upToSeq) break;
      this.held.delete(firstSeq);
      this.heldBytes -= body.length;
    }
  }

  private settle(): void {
    const reached = this.chain?.lastSeq ?? 0;
    const done = this.waiting.filter(({ seq }) => seq <= reached);
    this.waiting = this.waiting.filter(({ seq }) => seq > reached);
    for (const { resolve } of done) resolve();
  }
}

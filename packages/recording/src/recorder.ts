import type { Clock, Timer } from '@plumbline/core';
import type { Database } from '@plumbline/database/client';
import { clearOutbox, takeOutbox } from '@plumbline/database/outbox';
import { type ManifestRow, storeManifest } from '@plumbline/database/recordingManifests';
import { listSegments } from '@plumbline/database/recordingSegments';
import { appendBatch, type EpochClaim } from '@plumbline/database/recordingTail';
import type { EventInput } from '@plumbline/protocol';
import type { ObjectStore } from '@plumbline/storage';
import { type NumberedEvent, writeBatch } from './batch.ts';
import { prepareEvent } from './codec.ts';
import { type SealingKeys, sealingKeys } from './encryption.ts';
import type { RecordingKeys } from './keys.ts';
import { keyFingerprint, manifestText, signText } from './manifest.ts';
import { Retries } from './retries.ts';
import { Sealer } from './sealer.ts';
import { StallWatch } from './stallWatch.ts';
import { setSystemTimer } from './systemTimer.ts';

/**
 * The one writer of an attempt's recording. Sources number their own events from 1 and send again what was not
 * acknowledged; each number is taken once, and `onDurable` is called when Postgres has committed it. While the database
 * is away everything is kept and tried again: whoever calls bounds the memory by `unacknowledgedBytes`.
 */
export interface RecorderOptions {
  db: Database;
  store: ObjectStore;
  keys: RecordingKeys;
  attemptId: string;
  /** The ownership that was taken with `claimEpoch`. */
  claim: EpochClaim;
  /** Server time: what `receivedAtMs` and the recorder's own events are dated with. */
  nowMs(): number;
  setTimer?: Clock['setTimer'];
  /** Everything of `source` up to `n` is committed. */
  onDurable(source: string, n: number): void;
  /** True when nothing has become durable for a second though something waits; false when it does again. */
  onStalled(stalled: boolean): void;
  /** Another owner has the attempt: nothing more is or can be written here. Called once. */
  onStale(): void;
  /** Awaited before a batch with an event of `ASKED_BEFORE` commits; a throw is tried again like a failed commit. */
  beforeDurable?(events: readonly EventInput[]): Promise<void>;
  /** Failures that are being tried again, for the log. */
  onError?(error: unknown): void;
}

export type Offered = 'taken' | 'duplicate' | 'gap' | 'closed';

/** What the platform's own tables hold of the recording. The others, above all output, wait for nobody. */
const ASKED_BEFORE: ReadonlySet<EventInput['type']> = new Set([
  'score.finished',
  'score.details',
  'setup.applied',
  'snapshot.taken',
  'terminal.opened',
]);

const BATCH_WINDOW_MS = 15;
/** A batch goes at once when it has this much, and takes no more than MOST after a wait. */
const BATCH_FULL_BYTES = 256 * 1024;
const BATCH_MOST_BYTES = 1024 * 1024;
export const SEGMENT_FULL_BYTES = 1024 * 1024;
/** A segment is compressed alone, so that short ones cost a quarter of the recording's size; the tail is as durable. */
export const SEGMENT_LONGEST_MS = 5 * 60_000;

/** The source of what the platform's processes put into the attempt's outbox. */
const OUTBOX_SOURCE = 'platform';
const OUTBOX_PAGE = 200;

export class AttemptRecorder {
  private readonly options: RecorderOptions;
  private readonly sealing: SealingKeys;
  private readonly sealer: Sealer;
  private readonly setTimer: Clock['setTimer'];
  private readonly retries: Retries;
  private readonly stallWatch: StallWatch;
  /** The highest number taken from each source, durable or not. */
  private readonly taken: Map<string, number>;
  private readonly durable: Map<string, number>;
  /** When the last event taken from each tab was. */
  private readonly times: Map<string, number>;
  private pending: NumberedEvent[] = [];
  private pendingBytes = 0;
  private inFlightBytes = 0;
  private durableSeq: number;
  private committing = false;
  private window: Timer | null = null;
  private state: 'open' | 'finishing' | 'closed' = 'open';
  private segment: { baseMs: number; rawBytes: number; due: boolean; timer: Timer } | null = null;
  private flushWaiters: { resolve: () => void; reject: (error: Error) => void; after: number }[] = [];
  private outboxRun: Promise<void> = Promise.resolve();
  private takenCount = 0;
  private durableCount = 0;

  /** A recorder on top of what is durable. Makes the attempt's data key if it has none; throws `conflict` for an erased recording. */
  static async open(options: RecorderOptions): Promise<AttemptRecorder> {
    return new AttemptRecorder(options, sealingKeys(await options.keys.dataKey(options.db, options.attemptId)));
  }

  private constructor(options: RecorderOptions, sealing: SealingKeys) {
    this.options = options;
    this.sealing = sealing;
    this.setTimer = options.setTimer ?? setSystemTimer;
    this.retries = new Retries(this.setTimer, (error) => options.onError?.(error));
    this.stallWatch = new StallWatch(
      this.setTimer,
      () => this.unacknowledgedBytes > 0,
      (stalled) => this.tell(() => options.onStalled(stalled)),
    );
    this.taken = new Map(options.claim.sources);
    this.durable = new Map(options.claim.sources);
    this.times = new Map(options.claim.times);
    this.durableSeq = options.claim.lastSeq;
    this.sealer = new Sealer({
      db: options.db,
      store: options.store,
      sealing,
      attemptId: options.attemptId,
      epoch: options.claim.epoch,
      setTimer: this.setTimer,
      onStale: () => this.becomeStale(),
      onError: (error) => options.onError?.(error),
    });
    // This recorder begins a segment of its own, so what the last owner left in the tail is complete.
    this.sealer.request(this.durableSeq);
  }

  /** Bytes that were taken and are not yet committed. */
  get unacknowledgedBytes(): number {
    return this.pendingBytes + this.inFlightBytes;
  }

  /** The last `seq` that is durable. */
  get lastSeq(): number {
    return this.durableSeq;
  }

  /** Whether what waits cannot be committed because the database is away or has no room: the platform's own fault. */
  get waitsForServer(): boolean {
    return this.retries.waitsForServer;
  }

  /** The highest durable number of a source; 0 for one that was never heard. */
  mark(source: string): number {
    return this.durable.get(source) ?? 0;
  }

  /** The highest number taken from a source, durable or not. */
  takenMark(source: string): number {
    return this.taken.get(source) ?? 0;
  }

  /**
   * Takes event `n` of a source. `duplicate`: it is taken already (and acknowledged by `onDurable`, maybe long ago).
   * `gap`: events before it are missing, so it is refused and the source must send from its mark. The event and its
   * bytes are kept as given: do not change them afterwards.
   */
  offer(source: string, n: number, event: EventInput): Offered {
    return this.take(source, n, event, false);
  }

  /**
   * Goes on after events that a source can no longer supply: writes a `connection.gap` from its mark to `toN`, under
   * the number `toN`. Returns `duplicate` where nothing is missing.
   */
  skip(source: string, toN: number, reason: string): Offered {
    const from = this.takenMark(source) + 1;
    if (toN < from) return 'duplicate';
    const event: EventInput = { type: 'connection.gap', stream: 0, atMs: this.options.nowMs(), data: { source, from, to: toN, reason } };
    return this.take(source, toN, event, true);
  }

  /** Takes what stands in the attempt's outbox. Tries again while the database is away, so it never rejects. */
  takeOutbox(): Promise<void> {
    // A call during a run may be about an entry that the run has passed, so it gets a run of its own after it.
    this.outboxRun = this.outboxRun.then(() => this.drainOutbox());
    return this.outboxRun;
  }

  private async drainOutbox(): Promise<void> {
    const { db, attemptId } = this.options;
    for (;;) {
      const entries = await this.retries.untilDone(() => takeOutbox(db, attemptId, this.takenMark(OUTBOX_SOURCE), OUTBOX_PAGE));
      if (entries === 'closed') return;
      for (const { n, type, data, atMs } of entries) this.take(OUTBOX_SOURCE, n, { type, stream: 0, atMs, data } as EventInput, false);
      if (entries.length < OUTBOX_PAGE) return;
    }
  }

  /** Resolves when everything taken so far is durable; rejects when the recorder is closed or stale before. */
  async flush(): Promise<void> {
    if (this.durableCount === this.takenCount) return;
    if (this.state === 'closed') throw closedError();
    this.commitSoon(0);
    await new Promise<void>((resolve, reject) => this.flushWaiters.push({ resolve, reject, after: this.takenCount }));
  }

  /** Resolves when everything taken so far is in sealed segments. */
  async seal(): Promise<void> {
    await this.flush();
    this.endSegment();
    await this.sealer.sealed(this.durableSeq);
  }

  /** Takes the outbox and then no more events, seals all, signs and keeps the manifest, and closes. Waits for the database as long as it takes. */
  async finish(): Promise<ManifestRow> {
    await this.takeOutbox();
    if (this.state === 'open') this.state = 'finishing';
    await this.seal();
    const { db, attemptId, claim, keys, nowMs } = this.options;
    const segments = await listSegments(db, attemptId);
    const text = manifestText({
      attempt: attemptId,
      lastSeq: this.durableSeq,
      segments: segments.map(({ firstSeq, lastSeq, root }) => ({ firstSeq, lastSeq, root })),
      root: segments.at(-1)?.root ?? null,
      sources: Object.fromEntries(this.durable),
      signer: keyFingerprint(keys.publicKey),
      signedAtMs: nowMs(),
    });
    const row = { manifest: text, signature: signText(text, keys.signingKey) };
    if ((await storeManifest(db, attemptId, claim.epoch, row)) === 'stale') {
      this.becomeStale();
      throw closedError();
    }
    this.close();
    return row;
  }

  /** Stops without sealing; what is not committed is given up, and its sources will send it again to the next owner. */
  close(): void {
    if (this.state === 'closed') return;
    this.state = 'closed';
    this.window?.cancel();
    this.stallWatch.close();
    this.segment?.timer.cancel();
    this.retries.close();
    this.sealer.close();
    for (const { reject } of this.flushWaiters.splice(0)) reject(closedError());
    this.pending = [];
    this.pendingBytes = 0;
  }

  private take(source: string, n: number, event: EventInput, skipping: boolean): Offered {
    if (this.state !== 'open') return 'closed';
    const mark = this.takenMark(source);
    if (n <= mark) return 'duplicate';
    if (n !== mark + 1 && !skipping) return 'gap';
    const prepared = prepareEvent(this.inOrder(source, event), this.options.nowMs());
    this.taken.set(source, n);
    this.takenCount++;
    this.pending.push({ source, n, prepared });
    this.pendingBytes += prepared.size;
    this.stallWatch.begin();
    this.commitSoon(this.pendingBytes >= BATCH_FULL_BYTES ? 0 : BATCH_WINDOW_MS);
    return 'taken';
  }

  /**
   * What a tab said later is not dated earlier, though each connection, and each gateway, works out anew by how much the tab's clock is
   * off: readers go by time, and edits in another order make another text. A gap is dated when it was found, and holds nothing up.
   */
  private inOrder(source: string, event: EventInput): EventInput {
    if (!isDatedInOrder(source, event)) return event;
    const atMs = Math.max(event.atMs, this.times.get(source) ?? Number.NEGATIVE_INFINITY);
    this.times.set(source, atMs);
    return atMs === event.atMs ? event : { ...event, atMs };
  }

  private commitSoon(delayMs: number): void {
    if (this.committing || this.state === 'closed') return;
    if (delayMs === 0) {
      this.window?.cancel();
      this.window = null;
      void this.commitAll();
    } else if (this.window === null) {
      this.window = this.setTimer(delayMs, () => {
        this.window = null;
        void this.commitAll();
      });
    }
  }

  /** Commits batch after batch until nothing waits. Never more than one at a time, so `seq` has no holes. */
  private async commitAll(): Promise<void> {
    if (this.committing) return;
    this.committing = true;
    try {
      while (this.pending.length > 0 && this.state !== 'closed') await this.commitBatch(this.takeBatch());
    } finally {
      this.committing = false;
    }
  }

  private takeBatch(): NumberedEvent[] {
    let bytes = 0;
    let count = 0;
    while (count < this.pending.length && (count === 0 || bytes < BATCH_MOST_BYTES)) {
      bytes += (this.pending[count] as NumberedEvent).prepared.size;
      count++;
    }
    const batch = this.pending.splice(0, count);
    this.pendingBytes -= bytes;
    this.inFlightBytes = bytes;
    return batch;
  }

  private async commitBatch(batch: NumberedEvent[]): Promise<void> {
    const { db, attemptId } = this.options;
    const { epoch } = this.options.claim;
    const firstSeq = this.durableSeq + 1;
    const starts = this.segment === null;
    const segment = this.segment ?? this.beginSegment(batch);
    const marks = new Map(batch.map(({ source, n }) => [source, n]));
    const times = new Map(
      batch.flatMap(({ source, prepared: { event } }) => (isDatedInOrder(source, event) ? [[source, event.atMs] as const] : [])),
    );
    const place = { firstSeq, baseMs: segment.baseMs, starts };
    const written = await this.retries.untilDone(() => writeBatch(this.sealing, attemptId, place, batch));
    if (written === 'closed') return;
    const { sealed, rawBytes, batch: plain } = written;
    const committed = await this.retries.untilDone(async () => {
      await this.askBefore(batch);
      return appendBatch(db, { attemptId, epoch, firstSeq, count: batch.length, rawBytes, batch: sealed, marks, times });
    });
    if (committed === 'closed') return;
    if (committed === 'stale') return this.becomeStale();
    this.durableSeq += batch.length;
    this.durableCount += batch.length;
    this.inFlightBytes = 0;
    this.sealer.committed(plain);
    segment.rawBytes += rawBytes;
    if (segment.rawBytes >= SEGMENT_FULL_BYTES || segment.due) this.endSegment();
    this.stallWatch.progressed();
    for (const [source, n] of marks) this.durable.set(source, n);
    for (const [source, n] of marks) this.tell(() => this.options.onDurable(source, n));
    const outboxN = marks.get(OUTBOX_SOURCE);
    if (outboxN !== undefined) void clearOutbox(db, attemptId, outboxN).catch((error: unknown) => this.options.onError?.(error));
    const done = this.flushWaiters.filter(({ after }) => after <= this.durableCount);
    this.flushWaiters = this.flushWaiters.filter(({ after }) => after > this.durableCount);
    for (const { resolve } of done) resolve();
  }

  private async askBefore(batch: readonly NumberedEvent[]): Promise<void> {
    const hook = this.options.beforeDurable;
    if (hook === undefined) return;
    const events = batch.map(({ prepared }) => prepared.event);
    if (events.some(({ type }) => ASKED_BEFORE.has(type))) await hook(events);
  }

  private beginSegment(batch: readonly NumberedEvent[]): NonNullable<AttemptRecorder['segment']> {
    const first = batch[0] as NumberedEvent;
    const timer = this.setTimer(SEGMENT_LONGEST_MS, () => {
      if (this.segment === null) return;
      // A batch on its way belongs to this segment still, and ends it when it is in.
      if (this.inFlightBytes > 0) this.segment.due = true;
      else this.endSegment();
    });
    this.segment = { baseMs: Math.floor(first.prepared.event.atMs), rawBytes: 0, due: false, timer };
    return this.segment;
  }

  private endSegment(): void {
    if (this.segment !== null) {
      this.segment.timer.cancel();
      this.segment = null;
    }
    this.sealer.request(this.durableSeq);
  }

  private becomeStale(): void {
    if (this.state === 'closed') return;
    this.close();
    this.tell(() => this.options.onStale());
  }

  /** Whoever listens and fails must not stop the recording. */
  private tell(call: () => void): void {
    try {
      call();
    } catch (error) {
      this.options.onError?.(error);
    }
  }
}

/** Whether what a source says is never dated before what it said before. */
function isDatedInOrder(source: string, { type }: EventInput): boolean {
  return source.startsWith('tab:') && type !== 'connection.gap';
}

function closedError(): Error {
  return new Error('The recorder was closed before everything was durable.');
}

import { Worker } from 'node:worker_threads';
import type { DrawnScreen, ScreenStep, ScreenText } from './drawScreen.ts';

/**
 * Draws screens in a thread of its own, for a process that has others to answer. What it draws is a participant's: its time and its
 * memory are bounded, and where it cannot draw it says so and is as it was.
 */

export type ToDrawing = { t: 'draw'; base: ScreenText; steps: readonly ScreenStep[]; withinMs: number } | { t: 'stop' };
export type FromDrawing = { t: 'ready' } | { t: 'begun' } | { t: 'drawn'; drawn: DrawnScreen | null };

/** Some fifty megabytes; whoever shows the screen draws what is left. */
const DRAW_MAX_MS = 1_000;
/** A thread that has begun, and has not come to an end by then, is stuck in a single sequence. */
const STUCK_AFTER_MS = 10_000;
/** Output that waits for its turn. */
const WAITING_MAX_BYTES = 64 * 1024 * 1024;
const HEAP_MAX_MB = 256;

/** The same steps as few as they can be, outputs that follow each other as one; their bytes are copies, each in a buffer of its own. */
function joined(steps: readonly ScreenStep[]): ScreenStep[] {
  const made: ScreenStep[] = [];
  let run: Extract<ScreenStep, { kind: 'output' }>[] = [];
  const close = () => {
    const [first] = run;
    if (first === undefined) return;
    const bytes = new Uint8Array(run.reduce((sum, step) => sum + step.bytes.length, 0));
    for (const step of run) bytes.set(step.bytes, step.offset - first.offset);
    made.push({ kind: 'output', offset: first.offset, bytes });
    run = [];
  };
  for (const step of steps) {
    const last = run.at(-1);
    if (step.kind === 'resize' || (last !== undefined && step.offset !== last.offset + last.bytes.length)) close();
    if (step.kind === 'resize') made.push(step);
    else run.push(step);
  }
  close();
  return made;
}

interface Drawing {
  readonly base: ScreenText;
  readonly steps: readonly ScreenStep[];
  readonly bytes: number;
  readonly signal: AbortSignal | undefined;
  readonly resolve: (drawn: DrawnScreen | null) => void;
}

export class ScreenDrawing {
  readonly #drawMaxMs: number;
  readonly #stuckAfterMs: number;
  #worker: Worker | null = null;
  #isReady = false;
  #current: { begun: () => void; finish: (drawn: DrawnScreen | null) => void } | null = null;
  readonly #waiting: Drawing[] = [];
  #waitingBytes = 0;

  constructor({ drawMaxMs = DRAW_MAX_MS, stuckAfterMs = STUCK_AFTER_MS } = {}) {
    this.#drawMaxMs = drawMaxMs;
    this.#stuckAfterMs = stuckAfterMs;
  }

  /** Whether the thread runs; it is begun where it does not, for the next time: that takes longer than a page needs for most screens. */
  isReady(): boolean {
    if (this.#worker === null) this.#started().unref();
    return this.#isReady;
  }

  /**
   * The screen after the steps, as `drawScreen` has it; null where it could not be drawn, too much waits, or nobody waits for it
   * any more.
   */
  draw(base: ScreenText, steps: readonly ScreenStep[], signal?: AbortSignal): Promise<DrawnScreen | null> {
    const bytes = steps.reduce((sum, step) => sum + (step.kind === 'output' ? step.bytes.length : 0), 0);
    if (signal?.aborted === true || this.#waitingBytes + bytes > WAITING_MAX_BYTES) return Promise.resolve(null);
    return new Promise((resolve) => {
      this.#waiting.push({ base, steps, bytes, signal, resolve });
      this.#waitingBytes += bytes;
      this.#next();
    });
  }

  async dispose(): Promise<void> {
    for (const { resolve } of this.#waiting.splice(0)) resolve(null);
    this.#waitingBytes = 0;
    await this.#end();
  }

  #next(): void {
    if (this.#current !== null) return;
    const drawing = this.#waiting.shift();
    if (drawing === undefined) return;
    this.#waitingBytes -= drawing.bytes;
    if (drawing.signal?.aborted === true) {
      drawing.resolve(null);
      this.#next();
      return;
    }
    const worker = this.#started();
    const stop = () => worker.postMessage({ t: 'stop' } satisfies ToDrawing);
    drawing.signal?.addEventListener('abort', stop);
    // Whoever waits for an answer keeps the process; a thread that waits for work does not.
    worker.ref();
    let stuck: NodeJS.Timeout | undefined;
    const begun = () => {
      stuck = setTimeout(() => void this.#end(), this.#stuckAfterMs);
    };
    const finish = (drawn: DrawnScreen | null) => {
      clearTimeout(stuck);
      worker.unref();
      drawing.signal?.removeEventListener('abort', stop);
      this.#current = null;
      drawing.resolve(drawn);
      this.#next();
    };
    this.#current = { begun, finish };
    const steps = joined(drawing.steps);
    const buffers = steps.flatMap((step) => (step.kind === 'output' ? [step.bytes.buffer as ArrayBuffer] : []));
    worker.postMessage({ t: 'draw', base: drawing.base, steps, withinMs: this.#drawMaxMs } satisfies ToDrawing, buffers);
  }

  #started(): Worker {
    if (this.#worker !== null) return this.#worker;
    const worker = new Worker(new URL('./drawWorker.ts', import.meta.url), { resourceLimits: { maxOldGenerationSizeMb: HEAP_MAX_MB } });
    worker.on('message', (message: FromDrawing) => {
      // What a thread that was given up had said is delivered after it: another's drawing is under way by then.
      if (this.#worker !== worker) return;
      if (message.t === 'ready') this.#isReady = true;
      else if (message.t === 'begun') this.#current?.begun();
      else this.#current?.finish(message.drawn);
    });
    worker.on('error', (error) => {
      console.error('The thread that draws screens failed; the next one starts it again.', error);
    });
    worker.on('exit', () => this.#gone(worker));
    this.#worker = worker;
    return worker;
  }

  async #end(): Promise<void> {
    const worker = this.#worker;
    if (worker === null) return;
    this.#gone(worker);
    await worker.terminate();
  }

  #gone(worker: Worker): void {
    if (this.#worker !== worker) return;
    this.#worker = null;
    this.#isReady = false;
    this.#current?.finish(null);
  }
}

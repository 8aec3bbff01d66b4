import { type EventInput, isForParticipant, type RunnerFrame, type RunnerToGateway } from '@plumbline/protocol';
import type { Offered } from '@plumbline/recording';
import { GpuUse } from './gpuUse.ts';
import { eventOfFrame, eventOfRunner, malformedEvent } from './incomingEvents.ts';
import type { InputDurability } from './inputDurability.ts';
import type { LiveAttempt } from './liveAttempt.ts';

const UNRECORDABLE = 'the sandbox sent what cannot be recorded';

/** The way of what a runner numbered into the recording, and, once that took it, to the browsers that show it. */
export class RunnerEvents {
  readonly #attempt: LiveAttempt;
  readonly #input: InputDurability;
  readonly #gpuUse: GpuUse;
  /** As the recording names it: it changes with the runner. */
  source = '';

  constructor(attempt: LiveAttempt, input: InputDurability) {
    this.#attempt = attempt;
    this.#input = input;
    this.#gpuUse = new GpuUse(attempt);
  }

  event(message: Extract<RunnerToGateway, { t: 'event' }>): void {
    const { gateway, id } = this.#attempt;
    const event = eventOfRunner(message);
    if (event === null) {
      gateway.log.error({ attempt: id, type: message.type, n: message.n }, 'the runner sent an event that no schema knows');
      this.#offer(message.n, malformedEvent(this.source, message.n, message.atMs, UNRECORDABLE));
      return;
    }
    if (!this.#offer(message.n, event)) return;
    if (event.type === 'resource.sample') this.#gpuUse.sampled(event.data);
    if (isForParticipant(event.type)) this.#tellTabs(event);
  }

  /** What tabs are told of an event that was taken. */
  #tellTabs(event: EventInput): void {
    const { documents } = this.#attempt;
    if (event.type === 'resource.sample') this.#attempt.browsers.broadcast({ t: 'resources', atMs: event.atMs, sample: event.data });
    if (event.type === 'file.changed' || event.type === 'editor.saved') {
      const to = event.type === 'file.changed' ? event.data.to : undefined;
      if (to !== undefined) documents.renamed(event.data.path, to);
      this.#attempt.browsers.broadcast({
        t: 'file',
        path: event.data.path,
        ...(to === undefined ? {} : { to }),
        hash: event.data.hash,
        size: event.data.size,
        ...(event.type === 'editor.saved' ? { tab: event.data.tab } : {}),
      });
    }
  }

  frame(frame: RunnerFrame): void {
    if (frame.kind === 'input') this.#input.journalled(frame.n, frame.tab, frame.inputN);
    const taken = this.#offer(frame.n, eventOfFrame(frame));
    if (!taken || frame.kind !== 'output') return;
    for (const browser of this.#attempt.browsers) browser.output(frame.terminal, frame.offset, frame.bytes);
  }

  #offer(n: number, event: EventInput): boolean {
    const outcome = this.#record(n, event);
    // A runner numbers without gaps, so one means that something was lost on the way: it attaches anew and resends.
    if (outcome === 'gap') this.#attempt.runner?.close(1008, `event ${n} came out of order`);
    return outcome === 'taken';
  }

  /** What cannot be written keeps its number, as a gap. */
  #record(n: number, event: EventInput): Offered {
    const { gateway, id, recorder } = this.#attempt;
    try {
      return recorder?.offer(this.source, n, event) ?? 'gap';
    } catch (error) {
      gateway.log.error({ attempt: id, type: event.type, n, error: String(error) }, 'an event of the runner could not be written');
      return recorder?.offer(this.source, n, malformedEvent(this.source, n, event.atMs, UNRECORDABLE)) ?? 'gap';
    }
  }
}

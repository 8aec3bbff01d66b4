import type { RecordedEvent } from '@plumbline/protocol';
import { IndexBuilder } from '@plumbline/recording/indexBuilder';
import type { RecordingIndex } from '@plumbline/recording/recordingIndex';
import type { Player } from './player.ts';
import type { ReplaySource } from './replaySource.ts';

/** Keeps the replay of a running attempt growing: asks for what came since, and hands it to the player with its index. */

const ASK_EVERY_MS = 500;
/** After a failure, so that a platform that restarts is not hammered. */
const ASK_AGAIN_MS = 3_000;
/** The server knows what events do not tell: places of scores on their scale, and that the attempt has ended. */
const RENEW_EVERY = 20;

export class LiveFeed {
  private readonly source: Pick<ReplaySource, 'index' | 'eventsFrom'>;
  private readonly player: Player;
  private builder: IndexBuilder<RecordingIndex>;
  private asked = 0;
  private renewDue = false;

  constructor(source: Pick<ReplaySource, 'index' | 'eventsFrom'>, player: Player) {
    this.source = source;
    this.player = player;
    this.builder = new IndexBuilder(player.index);
  }

  /** Asks again and again until the attempt has ended. Returns how to stop. */
  start(): () => void {
    let stopped = false;
    let timer: ReturnType<typeof setTimeout>;
    const again = (afterMs: number) => {
      if (!stopped && this.player.index.live) timer = setTimeout(loop, afterMs);
    };
    const loop = () =>
      void this.ask().then(
        () => again(ASK_EVERY_MS),
        () => again(ASK_AGAIN_MS),
      );
    again(ASK_EVERY_MS);
    return () => {
      stopped = true;
      clearTimeout(timer);
    };
  }

  /** Takes what there is more by now. */
  async ask(): Promise<void> {
    this.asked += 1;
    if (this.renewDue || this.asked % RENEW_EVERY === 0) return this.renew();
    const events = await this.source.eventsFrom(this.player.index.lastSeq + 1);
    if (events.length === 0) return;
    for (const event of events) this.builder.add(event);
    this.renewDue = events.some(({ type }) => type === 'score.finished');
    this.player.extend(this.builder.take(), events);
  }

  private async renew(): Promise<void> {
    const index = await this.source.index();
    const events: RecordedEvent[] = [];
    for (let next = this.player.index.lastSeq + 1; next <= index.lastSeq; ) {
      const piece = await this.source.eventsFrom(next);
      events.push(...piece.filter(({ seq }) => seq <= index.lastSeq));
      const lastSeq = piece.at(-1)?.seq;
      if (lastSeq === undefined) break;
      next = lastSeq + 1;
    }
    this.renewDue = false;
    this.builder = new IndexBuilder(index);
    this.player.extend(index, events);
  }
}

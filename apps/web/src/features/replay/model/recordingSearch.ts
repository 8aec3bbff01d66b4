import { Store } from '../../workspace/model/store.ts';
import type { SearchAnswer } from './recordingApi.ts';
import type { ReviewSource } from './replaySource.ts';

/**
 * A search of what terminals showed, for whoever looks at its finds while it runs: it asks on by itself until there are enough to look at,
 * and then waits to be told to go on.
 */

/** More than anybody reads in one go; then it stops and says so. */
const HITS_AT_ONCE = 200;

export interface SearchState {
  /** What is looked for; null before the first search. */
  text: string | null;
  hits: SearchAnswer['hits'];
  /** How far the recording is searched. */
  untilMs: number;
  busy: boolean;
  /** True where the recording goes on beyond `untilMs`. */
  hasMore: boolean;
  error: string | null;
}

export class RecordingSearch {
  readonly store = new Store<SearchState>({ text: null, hits: [], untilMs: 0, busy: false, hasMore: false, error: null });
  private readonly source: Pick<ReviewSource, 'search'>;
  private next: string | null = null;
  /** Of several searches the last one counts. */
  private searches = 0;

  constructor(source: Pick<ReviewSource, 'search'>) {
    this.source = source;
  }

  /** Begins anew with another text. */
  async start(text: string): Promise<void> {
    this.next = null;
    this.store.patch({ text, hits: [], untilMs: 0, hasMore: false });
    await this.goOn();
  }

  /** Looks for the next ones; after a failure, from where it failed. */
  async goOn(): Promise<void> {
    const { text, hits } = this.store.get();
    if (text === null) return;
    this.searches += 1;
    const search = this.searches;
    const enough = hits.length + HITS_AT_ONCE;
    this.store.patch({ busy: true, error: null });
    try {
      do {
        const answer = await this.source.search(text, this.next);
        if (search !== this.searches) return;
        this.next = answer.next;
        const { hits: before } = this.store.get();
        this.store.patch({ hits: [...before, ...answer.hits], untilMs: answer.untilMs, hasMore: answer.next !== null });
      } while (this.next !== null && this.store.get().hits.length < enough);
      this.store.patch({ busy: false });
    } catch (error) {
      if (search !== this.searches) return;
      this.store.patch({ busy: false, error: error instanceof Error ? error.message : 'The search failed.' });
    }
  }

  /** Nobody looks any more. */
  stop(): void {
    this.searches += 1;
  }
}

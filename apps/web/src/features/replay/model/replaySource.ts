import { AppError } from '@plumbline/core';
import type { RecordedEvent } from '@plumbline/protocol';
import type { RecordingIndex } from '@plumbline/recording/recordingIndex';
import {
  type DiffAnswer,
  type EventLine,
  fromEventLine,
  type MomentAnswer,
  type OpeningAnswer,
  type SearchAnswer,
  type TreeAnswer,
} from './recordingApi.ts';

/** Where a replay reads: always a stretch, never the whole recording. Errors are `AppError`. */
export interface ReplaySource {
  index(): Promise<RecordingIndex>;
  /** Events with `fromMs <= atMs < toMs` by time, then by order of arrival. */
  events(fromMs: number, toMs: number): Promise<RecordedEvent[]>;
  /** What was on the screen at a time. */
  moment(atMs: number): Promise<MomentAnswer>;
  /** The next events of the log from `fromSeq` on, by sequence number; at most some thousands at once. */
  eventsFrom(fromSeq: number): Promise<RecordedEvent[]>;
}

/** What a reviewer asks for beside the replay itself. */
export interface ReviewSource {
  tree(commit: string): Promise<TreeAnswer>;
  diff(from: string, to: string): Promise<DiffAnswer>;
  /** `after` is the `next` of the answer before; null begins. */
  search(text: string, after: string | null): Promise<SearchAnswer>;
}

/** A running attempt's viewer that was away for long catches up in pieces of this many events. */
const EVENTS_AT_ONCE = 5_000;

const WORDS_OF_STATUS: Record<number, AppError> = {
  401: new AppError('unauthenticated', 'You are signed out. Sign in again to see the recording.'),
  403: new AppError('forbidden', 'You may not see this recording.'),
  404: new AppError('not_found', 'There is no recording of this attempt.'),
};

async function get(url: string): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(url);
  } catch (cause) {
    throw new AppError('unavailable', 'The recording cannot be reached. Check the connection and try again.', { cause });
  }
  if (response.ok) return response;
  throw WORDS_OF_STATUS[response.status] ?? new AppError('unavailable', 'The recording could not be read. Try again in a moment.');
}

async function getJson<T>(url: string): Promise<T> {
  return (await get(url)).json();
}

/** Events of a stretch as the route sends them, one per line. */
export function parseEventLines(text: string): RecordedEvent[] {
  return text.split('\n').flatMap((line) => (line === '' ? [] : [fromEventLine(JSON.parse(line) as EventLine)]));
}

const baseUrl = (attemptId: string) => `/api/attempts/${encodeURIComponent(attemptId)}/recording`;

/** Where an attempt's `OpeningAnswer` is read; `t` as in `OpeningQuery`. */
export function openingUrl(attemptId: string, t: number | undefined): string {
  return `${baseUrl(attemptId)}/opening${t === undefined ? '' : `?t=${t}`}`;
}

/** What the first frame of an attempt's replay needs. */
export function fetchOpening(attemptId: string, t: number | undefined): Promise<OpeningAnswer> {
  return getJson(openingUrl(attemptId, t));
}

/** The recording of an attempt, read from the web app. */
export function httpReplaySource(attemptId: string): ReplaySource & ReviewSource {
  const base = baseUrl(attemptId);
  const events = async (query: Record<string, string>) =>
    parseEventLines(await (await get(`${base}/events?${new URLSearchParams(query)}`)).text());
  return {
    index: () => getJson(`${base}/index`),
    events: (fromMs, toMs) => events({ fromMs: String(fromMs), toMs: String(toMs) }),
    moment: (atMs) => getJson(`${base}/moment?atMs=${atMs}`),
    async eventsFrom(fromSeq) {
      const found = await events({ fromSeq: String(fromSeq), toSeq: String(fromSeq + EVENTS_AT_ONCE - 1) });
      return found.sort((a, b) => a.seq - b.seq);
    },
    tree: (commit) => getJson(`${base}/tree?${new URLSearchParams({ commit })}`),
    diff: (from, to) => getJson(`${base}/diff?${new URLSearchParams({ from, to })}`),
    search: (text, after) => getJson(`${base}/search?${new URLSearchParams({ text, ...(after === null ? {} : { after }) })}`),
  };
}

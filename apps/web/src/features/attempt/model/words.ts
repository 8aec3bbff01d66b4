import type { CleanSummary, ClockEvent, PauseReason } from '@plumbline/core';
import { type BadgeTone, formatScore, formatSpan } from '@plumbline/ui';

/** How states, events and outcomes are called on every page. */

export const STATE_WORDS: Record<string, { label: string; tone: BadgeTone }> = {
  scheduled: { label: 'Not begun', tone: 'neutral' },
  provisioning: { label: 'Preparing', tone: 'accent' },
  ready: { label: 'Ready to start', tone: 'accent' },
  running: { label: 'Running', tone: 'success' },
  paused: { label: 'Paused', tone: 'warning' },
  finalising: { label: 'Finishing', tone: 'accent' },
  completed: { label: 'Completed', tone: 'neutral' },
  void: { label: 'Void', tone: 'danger' },
  withdrawn: { label: 'Withdrawn', tone: 'neutral' },
};

export const END_REASON_WORDS: Record<string, string> = {
  submitted: 'Submitted by the participant',
  expired: 'The time was up',
  stopped_by_admin: 'Stopped by staff',
};

export const AI_LEVEL_WORDS: Record<string, string> = {
  none: 'No AI tools of any kind.',
  search: 'Web search, its AI summaries included; no chat with a model.',
  chat: 'Chat with AI models in a browser of your own; no completion or agents that edit files.',
  completion: 'Chat and code completion; no agents that work by themselves.',
  agentic: 'Any AI tool, agents included.',
};

/** What a sandbox lets its participant reach, as it was made. */
export const NETWORK_WORDS: Record<string, string> = {
  none: 'It has no internet: what the task needs is there, and nothing can be downloaded.',
  internet: 'It reaches the internet: packages and pages can be downloaded in it.',
};

const PAUSE_WORDS: Record<PauseReason, string> = {
  break: 'a break',
  hibernate: 'hibernation: the machine was given back',
  absent: 'nobody was there',
  awaiting_staff: 'waiting for staff',
  platform: 'a fault of the platform',
  other: 'another reason',
};

export const TRIGGER_WORDS: Record<string, string> = {
  start: 'Starting solution',
  participant: 'Asked for',
  periodic: 'Periodic',
  final: 'Final state',
  clean: 'Clean re-score',
  retro: 'Scored afterwards',
};

export const SCORE_STATUS_WORDS: Record<string, { label: string; tone: BadgeTone }> = {
  running: { label: 'Running', tone: 'accent' },
  scored: { label: 'Scored', tone: 'success' },
  nan: { label: 'No valid number', tone: 'warning' },
  invalid_submission: { label: 'Invalid submission', tone: 'warning' },
  timed_out: { label: 'Timed out', tone: 'warning' },
  out_of_memory: { label: 'Out of memory', tone: 'warning' },
  crashed: { label: 'Scorer crashed', tone: 'danger' },
  bad_output: { label: 'Scorer output unreadable', tone: 'danger' },
  cancelled: { label: 'Cancelled', tone: 'neutral' },
};

/** A reason within a sentence, which has its own full stop. */
const within = (reason: string) => reason.replace(/\.$/, '');

/** One clock event as a sentence. */
export function clockEventWords(event: ClockEvent): string {
  switch (event.kind) {
    case 'started':
      return 'The clock started.';
    case 'paused':
      // The participant gives this reason never, and the platform without a name.
      if (event.reason === 'platform' && event.by !== null) return `Paused by staff: ${within(event.note ?? '')}.`;
      return `Paused for ${PAUSE_WORDS[event.reason]}${event.note ? `: ${event.note}` : ''}.`;
    case 'resumed':
      if (event.reason === undefined) return 'Resumed.';
      return `Resumed by ${event.by === null ? 'the platform' : 'staff'}: ${within(event.reason)}.`;
    case 'woken':
      return 'The machine was asked for before the booked time.';
    case 'adjusted':
      return `${formatSpan(Math.abs(event.creditMs))} ${event.creditMs >= 0 ? 'given back' : 'taken off'}${event.by === null ? '' : ' by staff'}: ${within(event.reason)}.`;
    case 'outage':
      return `The platform was away for ${formatSpan(event.toMs - event.fromMs)}; this time was given back (${event.cause}).`;
    case 'rollback':
      return `Rolled back to ${formatSpan(event.toElapsedMs)} on the clock: ${event.reason}.`;
    case 'scoring_started':
      return 'The clock stopped while the scorer ran.';
    case 'scoring_ended':
      return 'The scorer finished and the clock went on.';
    case 'submitted':
      return 'Submitted.';
    case 'expired':
      return 'The time was up.';
    case 'stopped':
      return `Stopped by staff: ${within(event.reason)}.`;
  }
}

/** The clean re-scores of the row that counts: `0.52 ± 0.01 (3 of 3)`, and whether they disagree with what was logged. */
export function cleanWords({ mean, sd, valid, finished, disagrees }: CleanSummary): string {
  return `${formatScore(mean)}${sd === null ? '' : ` ± ${formatScore(sd)}`} (${valid} of ${finished})${disagrees ? ', disagree' : ''}`;
}

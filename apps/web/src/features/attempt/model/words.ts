import type { ClockEvent, PauseReason } from '@plumbline/core';
import { type BadgeTone, formatSpan } from '@plumbline/ui';

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

/** One clock event as a sentence. */
export function clockEventWords(event: ClockEvent): string {
  switch (event.kind) {
    case 'started':
      return 'The clock started.';
    case 'paused':
      return `Paused for ${PAUSE_WORDS[event.reason]}${event.note ? `: ${event.note}` : ''}.`;
    case 'resumed':
      return 'Resumed.';
    case 'woken':
      return 'The machine was asked for before the booked time.';
    case 'adjusted':
      return event.creditMs >= 0
        ? `${formatSpan(event.creditMs)} given back: ${event.reason}.`
        : `${formatSpan(-event.creditMs)} taken off: ${event.reason}.`;
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
      return `Stopped by staff: ${event.reason}.`;
  }
}

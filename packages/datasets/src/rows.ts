import {
  asRunElapsedMs,
  attemptResult,
  type ClockEvent,
  elapsedMs,
  isBetter,
  isEligible,
  normalise,
  rowThatCounts,
  unionLengthMs,
} from '@plumbline/core';
import type { GivenAnswers } from '@plumbline/database/agreements';
import type { AttemptView } from '@plumbline/database/attempts';
import type { Survey } from '@plumbline/database/client';
import type { ScoreRecord } from '@plumbline/database/scores';
import type { AttemptRow, ClockRow, ScoreTableRow } from './columns.ts';

/** The rows of the tables, as pure functions of what the database holds. */

/** What is known of an attempt's recording. */
export interface RecordingSummary {
  state: 'released' | 'unfinished' | 'erased' | 'none';
  events: number;
  root: string | null;
}

export interface AttemptFacts {
  view: AttemptView;
  scores: readonly ScoreRecord[];
  participantGroup: string;
  notes: number;
  survey: Survey | null;
  pseudonym: string;
  recording: RecordingSummary;
  /** Null where the study has no agreement. */
  answers: GivenAnswers | null;
}

/** The row of one attempt. Elapsed times are those of its end. */
export function attemptRow({ view, scores, participantGroup, notes, survey, pseudonym, recording, answers }: AttemptFacts): AttemptRow {
  const { settings, events, limits } = view;
  const endMs = view.endedAtMs ?? view.completedAtMs ?? Number.POSITIVE_INFINITY;
  const hasEnded = view.startedAtMs !== null && Number.isFinite(endMs);
  const asRunMs = hasEnded ? asRunElapsedMs(events, endMs) : null;
  const result = attemptResult(scores, settings);
  const outages = events.filter((event) => event.kind === 'outage');
  const start = scores.find((row) => row.trigger === 'start' && row.status === 'scored');
  return {
    attempt: view.id,
    participant: pseudonym,
    participant_kind: view.participant.kind,
    participant_group: participantGroup,
    study: view.study.name,
    study_kind: view.study.kind,
    ai_tool_level: view.study.aiToolLevel,
    family: view.environment.family,
    task: view.environment.task,
    version: view.environment.version,
    environment_hash: view.environment.contentHash,
    state: view.state,
    end_reason: view.endReason,
    started_at: isoTime(view.startedAtMs),
    ended_at: isoTime(view.endedAtMs),
    limit_ms: limits.limitMs,
    elapsed_ms: hasEnded ? Math.round(elapsedMs(events, endMs, limits.limitMs)) : null,
    elapsed_as_run_ms: asRunMs === null ? null : Math.round(asRunMs),
    wall_ms: hasEnded ? Math.round(endMs - (view.startedAtMs as number)) : null,
    pauses: events.filter((event) => event.kind === 'paused').length,
    paused_ms: Math.round(pausedMs(events, endMs)),
    outages: outages.length,
    outage_ms: Math.round(unionLengthMs(outages)),
    credit_ms: events.reduce((sum, event) => sum + (event.kind === 'adjusted' ? event.creditMs : 0), 0),
    rollbacks: events.filter((event) => event.kind === 'rollback').length,
    score_requests: scores.filter((row) => row.trigger === 'participant').length,
    valid_scores: scores.filter(isEligible).length,
    notes,
    survey_expectation: survey?.expectation ?? null,
    survey_difficulty: survey?.difficulty ?? null,
    survey_off_clock_minutes: survey?.offClockMinutes ?? null,
    survey_problems: survey?.problems ?? null,
    agreement_hash: answers?.hash ?? null,
    consent_gated_release: answers?.consents.gatedRelease ?? null,
    consent_public_release: answers?.consents.publicRelease ?? null,
    consent_ai_training: answers?.consents.aiTraining ?? null,
    consent_quotation: answers?.consents.quotation ?? null,
    consents_confirmed: answers?.isConfirmed ?? null,
    direction: settings.direction,
    aggregation: settings.aggregation,
    score_unit: settings.scoreUnit,
    starting_score: settings.startingScore,
    reference_score: settings.referenceScore,
    measured_starting_score: start?.score ?? null,
    logged_score: result.logged.raw,
    logged_score_n: result.counts?.n ?? null,
    logged_normalised: result.logged.value,
    clean_scores: result.clean?.valid ?? 0,
    clean_mean: result.clean?.mean ?? null,
    clean_sd: result.clean?.sd ?? null,
    clean_disagrees: result.clean?.disagrees ?? null,
    score: result.result.raw,
    normalised: result.result.value,
    isolation: view.isolation,
    freeze_method: view.freezeMethod,
    network: view.network,
    recording: recording.state,
    recording_events: recording.events,
    recording_root: recording.root,
  };
}

/** The rows of an attempt's scores, in the order of asking. */
export function scoreRows(view: AttemptView, scores: readonly ScoreRecord[]): ScoreTableRow[] {
  const { settings, events } = view;
  const counts = rowThatCounts(scores, settings);
  const numberOf = new Map(scores.map((row) => [row.id, row.n]));
  let best: number | null = null;
  return [...scores]
    .sort((a, b) => a.n - b.n)
    .map((row) => {
      const eligible = isEligible(row);
      const score = row.status === 'scored' ? row.score : null;
      if (eligible && (best === null || isBetter(row.score as number, best, settings.direction))) best = row.score;
      const requestedAtMs = row.requestedAt.getTime();
      return {
        attempt: view.id,
        n: row.n,
        trigger: row.trigger,
        of_n: row.ofScoreId === null ? null : (numberOf.get(row.ofScoreId) ?? null),
        requested_at: isoTime(requestedAtMs),
        elapsed_ms: row.elapsedMs,
        elapsed_as_run_ms: Math.round(asRunElapsedMs(events, requestedAtMs)),
        status: row.status,
        score,
        normalised: score === null ? null : normalise(score, settings).value,
        eligible,
        counts: counts !== null && counts.id === row.id,
        best_so_far: best,
        rolled_back: row.rolledBack,
        duration_ms: row.durationMs,
        message: row.message,
        details: row.details,
        scorer_hash: row.scorerHash,
        submission_hash: row.submissionHash,
        submission_hash_after: row.submissionHashAfter,
      };
    });
}

/** The events of an attempt's clock, without the words of people and without who they are. */
export function clockRows({ id, events, limits, ownerUserId }: AttemptView, scores: readonly ScoreRecord[]): ClockRow[] {
  const numberOf = new Map(scores.map((row) => [row.id, row.n]));
  return events.map((event, i) => ({
    attempt: id,
    n: event.n,
    kind: event.kind,
    at: isoTime(event.atMs),
    by: event.by === null ? 'platform' : event.by === ownerUserId ? 'participant' : 'staff',
    elapsed_ms: Math.round(elapsedMs(events.slice(0, i + 1), event.atMs, limits.limitMs)),
    pause_reason: event.kind === 'paused' ? event.reason : null,
    resume_at: event.kind === 'paused' ? isoTime(event.resumeAtMs ?? null) : null,
    credit_ms: event.kind === 'adjusted' ? event.creditMs : null,
    outage_from: event.kind === 'outage' ? isoTime(event.fromMs) : null,
    outage_to: event.kind === 'outage' ? isoTime(event.toMs) : null,
    to_elapsed_ms: event.kind === 'rollback' ? event.toElapsedMs : null,
    score_n: 'scoreId' in event ? (numberOf.get(event.scoreId) ?? null) : null,
  }));
}

function pausedMs(events: readonly ClockEvent[], endMs: number): number {
  let sum = 0;
  let sinceMs: number | null = null;
  for (const event of events) {
    const ends = event.kind === 'resumed' || event.kind === 'submitted' || event.kind === 'expired' || event.kind === 'stopped';
    if (event.kind === 'paused') sinceMs ??= event.atMs;
    if (ends && sinceMs !== null) {
      sum += event.atMs - sinceMs;
      sinceMs = null;
    }
  }
  return sinceMs === null || !Number.isFinite(endMs) ? sum : sum + Math.max(0, endMs - sinceMs);
}

function isoTime(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString();
}

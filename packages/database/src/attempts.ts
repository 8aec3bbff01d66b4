import {
  AppError,
  type AttemptState,
  type AttemptSubject,
  type CalibrationRecord,
  type ClockEvent,
  type ClockLimits,
  type Scale,
  scaleFor,
} from '@plumbline/core';
import { EnvironmentSettings } from '@plumbline/taskstandard/settings';
import type { Database } from './client.ts';
import { NEEDS_MACHINE } from './leases.ts';
import { EVENTS_SQL, toClockEvent, toLimits } from './lockedAttempt.ts';

export {
  leaveQueue,
  markReady,
  moveAttempt,
  prepareAttempt,
  setProgress,
  setRunnerPlacement,
  setRunnerToken,
  startAttempt,
} from './attemptMoves.ts';
export { appendByStaff, appendClockEvent } from './clockEvents.ts';

/** Everything about one attempt that the processes which serve it need, read in one statement and so at one moment. */
export interface AttemptView extends AttemptSubject {
  id: string;
  state: AttemptState;
  endReason: string | null;
  limits: ClockLimits;
  events: ClockEvent[];
  createdAtMs: number;
  readyAtMs: number | null;
  startedAtMs: number | null;
  endedAtMs: number | null;
  completedAtMs: number | null;
  deadlineAtMs: number | null;
  progress: string | null;
  progressFraction: number | null;
  linkHeartbeatAtMs: number | null;
  epoch: number;
  runnerTokenHash: string | null;
  /** As the placement wrote it; null before the first start. */
  runnerPlacement: unknown;
  isolation: string | null;
  freezeMethod: string | null;
  network: string | null;
  assignmentId: string;
  study: { id: string; name: string; kind: string; aiToolLevel: string };
  environment: { id: string; family: string; task: string; version: string; familyDir: string; contentHash: string };
  /** The environment's title. */
  title: string;
  /** The environment's, with the starting and reference score of `scale`. */
  settings: EnvironmentSettings;
  /** What its scores are normalised by, and why by that. */
  scale: Scale;
  /** Whether the participant may see scores: the assignment's word, else the environment's. */
  scoreVisible: boolean;
  participant: { id: string; kind: string; name: string | null };
}

/** A column of times as milliseconds. */
const ms = (column: string): string => `round(extract(epoch FROM a.${column}) * 1000)::float8`;

const VIEW_SQL = `
  SELECT a.id, a.state, a.end_reason, a.limit_ms, s.max_pauses, s.max_pause_ms, s.max_pause_total_ms, ${EVENTS_SQL} AS events,
    ${ms('created_at')} AS created_ms, ${ms('ready_at')} AS ready_ms, ${ms('started_at')} AS started_ms, ${ms('ended_at')} AS ended_ms,
    ${ms('completed_at')} AS completed_ms, ${ms('deadline_at')} AS deadline_ms, ${ms('link_heartbeat_at')} AS heartbeat_ms,
    a.progress, a.progress_fraction, a.epoch::float8 AS epoch, a.runner_token_hash, a.runner_placement, a.isolation, a.freeze_method, a.network,
    a.assignment_id, g.score_visible,
    json_build_object('id', s.id, 'name', s.name, 'kind', s.kind, 'aiToolLevel', s.ai_tool_level) AS study,
    json_build_object('id', n.id, 'family', n.family, 'task', n.task, 'version', n.version, 'familyDir', n.family_dir, 'contentHash', n.content_hash) AS environment,
    n.title, n.settings,
    (SELECT c.profile FROM acceptance c WHERE c.attempt_id = a.id AND c.passed ORDER BY c.at DESC LIMIT 1) AS profile,
    (SELECT coalesce(json_agg(json_build_object('profile', c.profile, 'solution', c.solution, 'mean', c.mean, 'sd', c.sd, 'n', c.n,
      'atMs', extract(epoch FROM c.at) * 1000)), '[]') FROM calibration c WHERE c.environment_id = n.id) AS calibrations,
    p.user_id, json_build_object('id', p.id, 'kind', p.kind, 'name', u.name) AS participant
  FROM attempt a
  JOIN assignment g ON g.id = a.assignment_id
  JOIN study s ON s.id = g.study_id
  JOIN environment n ON n.id = g.environment_id
  JOIN participant p ON p.id = g.participant_id
  LEFT JOIN app_user u ON u.id = p.user_id`;

function toView(row: any): AttemptView {
  const published = EnvironmentSettings.parse(row.settings);
  const scale = scaleFor(published, row.calibrations as CalibrationRecord[], row.profile);
  const settings = { ...published, startingScore: scale.startingScore, referenceScore: scale.referenceScore };
  return {
    id: row.id,
    state: row.state,
    endReason: row.end_reason,
    limits: toLimits(row),
    events: row.events.map(toClockEvent),
    createdAtMs: row.created_ms,
    readyAtMs: row.ready_ms,
    startedAtMs: row.started_ms,
    endedAtMs: row.ended_ms,
    completedAtMs: row.completed_ms,
    deadlineAtMs: row.deadline_ms,
    progress: row.progress,
    progressFraction: row.progress_fraction,
    linkHeartbeatAtMs: row.heartbeat_ms,
    epoch: row.epoch,
    runnerTokenHash: row.runner_token_hash,
    runnerPlacement: row.runner_placement,
    isolation: row.isolation,
    freezeMethod: row.freeze_method,
    network: row.network,
    assignmentId: row.assignment_id,
    study: row.study,
    environment: row.environment,
    title: row.title,
    settings,
    scale,
    scoreVisible: row.score_visible ?? settings.scoreVisible,
    participant: row.participant,
    ownerUserId: row.user_id,
  };
}

/**
 * Reads one attempt.
 *
 * @throws AppError `not_found`.
 */
export async function loadAttempt(db: Database, attemptId: string): Promise<AttemptView> {
  const { rows } = await db.pool.query(`${VIEW_SQL} WHERE a.id = $1`, [attemptId]);
  if (rows[0] === undefined) throw new AppError('not_found', 'There is no such attempt.');
  return toView(rows[0]);
}

/** Attempts in any of these states, longest begun first. */
export async function listAttempts(db: Database, states: readonly AttemptState[]): Promise<AttemptView[]> {
  const { rows } = await db.pool.query(
    `${VIEW_SQL} WHERE a.state = ANY($1::"AttemptState"[]) ORDER BY coalesce(a.started_at, a.created_at), a.id`,
    [states],
  );
  return rows.map(toView);
}

/** States in which staff see an attempt on the live page. */
export const LIVE_STATES = ['provisioning', 'ready', 'running', 'paused', 'finalising'] as const satisfies readonly AttemptState[];

/** Attempts that are being prepared, worked on or finished. */
export function listLive(db: Database): Promise<AttemptView[]> {
  return listAttempts(db, LIVE_STATES);
}

/** One person's attempts. What is assigned to them and not yet opened has no attempt and is not here. */
export async function listForExpert(db: Database, userId: string): Promise<AttemptView[]> {
  const { rows } = await db.pool.query(`${VIEW_SQL} WHERE p.user_id = $1 ORDER BY a.created_at, a.id`, [userId]);
  return rows.map(toView);
}

/**
 * The attempt of an assignment, made on the first call with the limit that its study has then.
 *
 * @throws AppError `not_found` for an unknown assignment.
 */
export async function openAttempt(db: Database, assignmentId: string): Promise<string> {
  const { rows } = await db.pool.query(
    `INSERT INTO attempt (id, assignment_id, limit_ms)
     SELECT gen_random_uuid(), g.id, s.limit_ms FROM assignment g JOIN study s ON s.id = g.study_id WHERE g.id = $1
     ON CONFLICT (assignment_id) DO UPDATE SET assignment_id = excluded.assignment_id RETURNING id`,
    [assignmentId],
  );
  if (rows[0] === undefined) throw new AppError('not_found', 'There is no such assignment.');
  return rows[0].id;
}

/** The attempt whose runner holds this token now; null for a token that was never given or has been replaced. */
export async function findAttemptByRunnerToken(db: Database, tokenHash: string): Promise<string | null> {
  const { rows } = await db.pool.query('SELECT id FROM attempt WHERE runner_token_hash = $1', [tokenHash]);
  return rows[0]?.id ?? null;
}

/** Attempts whose deadline passed over `graceMs` ago. Whether they have run out of time `appendClockEvent` decides. */
export async function listUnservedDeadlines(db: Database, graceMs: number): Promise<string[]> {
  const { rows } = await db.pool.query(
    `SELECT id FROM attempt WHERE state = 'running' AND deadline_at < clock_timestamp() - $1 * interval '1 millisecond'`,
    [graceMs],
  );
  return rows.map((row) => row.id);
}

/** Attempts that have been ready, and not started, for this long. */
export async function listReadyTooLong(db: Database, afterMs: number): Promise<string[]> {
  const { rows } = await db.pool.query(
    `SELECT id FROM attempt WHERE state = 'ready' AND ready_at < clock_timestamp() - $1 * interval '1 millisecond'`,
    [afterMs],
  );
  return rows.map((row) => row.id);
}

/** An attempt that a runner is noted for, with what is needed to look after it. */
export interface PlacedRunner {
  id: string;
  state: AttemptState;
  placement: unknown;
  hasToken: boolean;
  /** Whether a runner should exist for it now. */
  needed: boolean;
}

/** All attempts that a runner is noted for. */
export async function listPlacedRunners(db: Database): Promise<PlacedRunner[]> {
  const { rows } = await db.pool.query(
    `SELECT a.id, a.state, a.runner_placement AS placement, a.runner_token_hash IS NOT NULL AS "hasToken", ${NEEDS_MACHINE} AS needed
     FROM attempt a WHERE a.runner_placement IS NOT NULL ORDER BY a.id`,
  );
  return rows;
}

/** A GPU of the attempt was seen at work when its clock showed this much. */
export async function noteGpuBusy(db: Database, attemptId: string, elapsedMs: number): Promise<void> {
  await db.pool.query('UPDATE attempt SET gpu_busy_elapsed_ms = greatest(gpu_busy_elapsed_ms, $2) WHERE id = $1', [
    attemptId,
    Math.floor(elapsedMs),
  ]);
}

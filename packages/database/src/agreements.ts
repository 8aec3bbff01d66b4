import { createHash } from 'node:crypto';
import {
  type AgreementHold,
  AppError,
  agreementHold,
  assertAnswerable,
  type Consents,
  gatedReleaseRefusal,
  type ReleaseRefusal,
} from '@plumbline/core';
import type { AgreementText } from '@plumbline/protocol';
import { recordAudit } from './audit.ts';
import type { AgreementVersion, Database } from './client.ts';
import { storableText } from './storableJson.ts';
import { inTransaction, type Queryable } from './transaction.ts';

/** A study's agreement, in versions, and what participants answer to it, attempt by attempt. Both are only ever added to. */

/** The newest answers for an attempt. */
export interface GivenAnswers {
  n: number;
  versionId: string;
  /** The number of that version, and the SHA-256 of its text. */
  versionN: number;
  hash: string;
  consents: Consents;
  at: Date;
  /** Given after the end of the attempt, when the participant knew what it holds. */
  isConfirmed: boolean;
}

/** How an attempt stands to the agreement of its study. */
export interface AgreementStanding {
  hasStarted: boolean;
  /** The study's newest version; null where it has no agreement, and for an agent, which is asked nothing. */
  newest: { id: string; contact: string } | null;
  answers: GivenAnswers | null;
}

/**
 * Adds a version to a study's agreement. Attempts whose clock has not started are asked anew; what was answered to earlier versions stays.
 *
 * @throws AppError `not_found`, `invalid_input` for a day that is over, `conflict` where the newest version says just this.
 */
export function writeAgreement(
  db: Database,
  studyId: string,
  given: AgreementText,
  options: { by: string | null },
): Promise<{ n: number }> {
  return inTransaction(db, async (tx) => {
    const { rows } = await tx.query('SELECT $2::timestamptz <= clock_timestamp() AS over FROM study WHERE id = $1 FOR UPDATE', [
      studyId,
      given.withdrawUntil,
    ]);
    if (rows[0] === undefined) throw new AppError('not_found', 'There is no such study.');
    if (rows[0].over)
      throw new AppError('invalid_input', 'The day until which answers can be changed is over already. Choose one that is to come.');
    const [text, contact] = [storableText(given.text), storableText(given.contact)];
    const hash = createHash('sha256').update(text).digest('hex');
    const newest = await tx.query(
      'SELECT n, hash = $2 AND contact = $3 AND withdraw_until = $4 AS same FROM agreement_version WHERE study_id = $1 ORDER BY n DESC LIMIT 1',
      [studyId, hash, contact, given.withdrawUntil],
    );
    if (newest.rows[0]?.same) throw new AppError('conflict', 'The newest version says just this. Nobody is asked again.');
    const n = ((newest.rows[0]?.n as number | undefined) ?? 0) + 1;
    await tx.query(
      `INSERT INTO agreement_version (id, study_id, n, text, hash, contact, withdraw_until, written_by, written_at)
       VALUES (gen_random_uuid(), $1, $2, $3, $4, $5, $6, $7, clock_timestamp())`,
      [studyId, n, text, hash, contact, given.withdrawUntil, options.by],
    );
    const after = { n, hash, contact, withdrawUntil: given.withdrawUntil };
    await recordAudit(tx, { userId: options.by, act: 'agreement.write', subject: `study:${studyId}`, after });
    return { n };
  });
}

interface AnswersRow {
  n: number;
  version_id: string;
  version_n: number;
  hash: string;
  recording: boolean;
  internal_review: boolean;
  gated_release: boolean;
  public_release: boolean;
  ai_training: boolean;
  quotation: boolean;
  at: Date;
  is_confirmed: boolean;
}

/** How attempts stand to the agreements of their studies, by their ids; without those that do not exist. */
export async function agreementStandings(on: Queryable, attemptIds: readonly string[]): Promise<Map<string, AgreementStanding>> {
  const { rows } = await on.query(
    `SELECT a.id, a.started_at IS NOT NULL AS has_started, p.kind, newest.id AS newest_id, newest.contact, c.n, c.version_id, v.n AS version_n,
       v.hash, c.recording, c.internal_review, c.gated_release, c.public_release, c.ai_training, c.quotation, c.at,
       coalesce(c.at > a.ended_at, false) AS is_confirmed
     FROM attempt a JOIN assignment g ON g.id = a.assignment_id JOIN participant p ON p.id = g.participant_id
     LEFT JOIN LATERAL (SELECT id, contact FROM agreement_version WHERE study_id = g.study_id ORDER BY n DESC LIMIT 1) newest ON true
     LEFT JOIN LATERAL (SELECT * FROM consent_answer WHERE attempt_id = a.id ORDER BY n DESC LIMIT 1) c ON true
     LEFT JOIN agreement_version v ON v.id = c.version_id
     WHERE a.id = ANY($1::uuid[])`,
    [attemptIds],
  );
  return new Map(
    rows.map((row) => {
      const isAsked = row.kind === 'person' && row.newest_id !== null;
      const newest = isAsked ? { id: row.newest_id as string, contact: row.contact as string } : null;
      return [row.id as string, { hasStarted: row.has_started, newest, answers: row.n === null ? null : toAnswers(row as AnswersRow) }];
    }),
  );
}

function toAnswers(row: AnswersRow): GivenAnswers {
  return {
    n: row.n,
    versionId: row.version_id,
    versionN: row.version_n,
    hash: row.hash,
    consents: {
      recording: row.recording,
      internalReview: row.internal_review,
      gatedRelease: row.gated_release,
      publicRelease: row.public_release,
      aiTraining: row.ai_training,
      quotation: row.quotation,
    },
    at: row.at,
    isConfirmed: row.is_confirmed,
  };
}

/** The number of each attempt's newest answers, by its id; 0 where none were given. */
export type AnswerNumbers = Readonly<Record<string, number>>;

export function answerNumbers(standings: ReadonlyMap<string, AgreementStanding>): AnswerNumbers {
  return Object.fromEntries([...standings].map(([id, { answers }]) => [id, answers?.n ?? 0]));
}

/** Whether no participant gave other answers since these were read. */
export async function areNewestAnswers(on: Queryable, numbers: AnswerNumbers): Promise<boolean> {
  const now = answerNumbers(await agreementStandings(on, Object.keys(numbers)));
  return Object.entries(numbers).every(([id, n]) => now[id] === n);
}

/** Why an attempt may not be in an export, which is a release behind terms; null where it may. */
export function releaseRefusal(standing: AgreementStanding | undefined): ReleaseRefusal | null {
  if (standing === undefined) return 'unanswered';
  return gatedReleaseRefusal({ hasAgreement: standing.newest !== null, consents: standing.answers?.consents ?? null });
}

async function standingOf(on: Queryable, attemptId: string): Promise<AgreementStanding> {
  const standing = (await agreementStandings(on, [attemptId])).get(attemptId);
  if (standing === undefined) throw new AppError('not_found', 'There is no such attempt.');
  return standing;
}

/** The version that an attempt is asked about: until its clock starts the newest, then the one that was answered. */
function askedVersionId({ hasStarted, newest, answers }: AgreementStanding): string | null {
  return hasStarted && answers !== null ? answers.versionId : (newest?.id ?? null);
}

export interface AgreementOfAttempt {
  /** Null where there is nothing to answer. */
  version: AgreementVersion | null;
  answers: GivenAnswers | null;
  /** What keeps it from being prepared and started. */
  hold: AgreementHold | null;
}

/**
 * What the participant of an attempt is asked to agree to, and what they answered.
 *
 * @throws AppError `not_found`.
 */
export async function findAgreement(db: Database, attemptId: string): Promise<AgreementOfAttempt> {
  const standing = await standingOf(db.pool, attemptId);
  const id = askedVersionId(standing);
  const version = id === null ? null : await db.prisma.agreementVersion.findUniqueOrThrow({ where: { id } });
  return { version, answers: standing.answers, hold: agreementHold(standing.newest?.id ?? null, standing.answers) };
}

/**
 * Keeps a participant's answers for an attempt; the earlier ones stay beside them.
 *
 * @param given.versionId the version that was read: answers to any other than the one that is asked about are refused.
 * @throws AppError as `assertAnswerable` does, and `conflict` where nothing is asked or another version is.
 */
export function answerAgreement(db: Database, attemptId: string, given: { versionId: string; consents: Consents }): Promise<void> {
  return inTransaction(db, async (tx) => {
    await tx.query('SELECT 1 FROM attempt WHERE id = $1 FOR UPDATE', [attemptId]);
    const standing = await standingOf(tx, attemptId);
    const asked = askedVersionId(standing);
    if (asked === null) throw new AppError('conflict', 'This study has no agreement: there is nothing to answer.');
    if (asked !== given.versionId)
      throw new AppError('conflict', 'The agreement has a newer text than the one you read. Read it, and answer again.');
    const { rows } = await tx.query(
      `SELECT contact, extract(epoch FROM withdraw_until)::float8 * 1000 AS until_ms, extract(epoch FROM clock_timestamp())::float8 * 1000 AS now_ms
       FROM agreement_version WHERE id = $1`,
      [asked],
    );
    const { contact, until_ms, now_ms } = rows[0];
    const { consents } = given;
    assertAnswerable(consents, { hasStarted: standing.hasStarted, nowMs: now_ms, withdrawUntilMs: until_ms, contact });
    await tx.query(
      `INSERT INTO consent_answer (attempt_id, n, version_id, recording, internal_review, gated_release, public_release, ai_training, quotation, at)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, clock_timestamp())`,
      [
        attemptId,
        (standing.answers?.n ?? 0) + 1,
        asked,
        consents.recording,
        consents.internalReview,
        consents.gatedRelease,
        consents.publicRelease,
        consents.aiTraining,
        consents.quotation,
      ],
    );
  });
}

/**
 * Holds back an attempt, whose row is locked, until its participant agreed to what it needs.
 *
 * @throws AppError `conflict` that says what is missing.
 */
export async function assertAgreed(tx: Queryable, attemptId: string): Promise<void> {
  const { newest, answers } = await standingOf(tx, attemptId);
  const hold = agreementHold(newest?.id ?? null, answers);
  if (hold === null) return;
  const words: Record<AgreementHold, string> = {
    unanswered: 'Read the agreement of this study and answer it first.',
    outdated: 'The agreement of this study has a new text. Read it and answer it first.',
    refused: `Without your consent to recording and review this attempt cannot be done. You can change your answers, or write to ${newest?.contact}.`,
  };
  throw new AppError('conflict', `${words[hold]} Your clock has not started, and no time is lost.`);
}

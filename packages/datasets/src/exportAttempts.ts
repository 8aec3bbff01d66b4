import { mkdir, readdir } from 'node:fs/promises';
import { AppError } from '@plumbline/core';
import {
  type AgreementStanding,
  type AnswerNumbers,
  agreementStandings,
  answerNumbers,
  releaseRefusal,
} from '@plumbline/database/agreements';
import { type AttemptView, loadAttempt } from '@plumbline/database/attempts';
import type { Database } from '@plumbline/database/client';
import { readManifest, type StoredManifest } from '@plumbline/database/recordingManifests';
import { type RecordingContents, readRecordingContents } from '@plumbline/database/recordingSegments';
import { listScores } from '@plumbline/database/scores';
import { findSurvey } from '@plumbline/database/surveys';
import { openRecording, type RecordingKeys, readManifestText, releaseSegments } from '@plumbline/recording';
import type { ObjectStore } from '@plumbline/storage';
import { writeCasts } from './casts.ts';
import type { AttemptRow, ClockRow, FlowRow, ScoreTableRow } from './columns.ts';
import { pseudonymsOf } from './pseudonyms.ts';
import { readmeText } from './readme.ts';
import { ReleaseFolder } from './releaseFolder.ts';
import { attemptRow, clockRows, type RecordingSummary, scoreRows } from './rows.ts';

export interface ExportRequest {
  db: Database;
  store: ObjectStore;
  keys: RecordingKeys;
  attemptIds: readonly string[];
  /** Told after each attempt how far the whole is, from 0 to 1. */
  onProgress?(fraction: number): Promise<void> | void;
}

/** What an export came to. */
export interface WrittenExport {
  files: string[];
  /** Attempts that were asked for and are not in it, for want of consent. */
  leftOut: number;
  /** The answers and the recordings that it went by, of all that were asked for. */
  answers: AnswerNumbers;
  recordings: RecordingContents;
}

/** Ended attempts: what is still going on has no rows that stay true. */
const EXPORTABLE_STATES = ['completed', 'void', 'withdrawn'];

/**
 * Event types that an export leaves out: what was typed into terminals, dotfiles, which name whose they are, and what staff wrote,
 * which names them. Their hashes stay in the proof.
 */
const WITHHELD_TYPES: ReadonlySet<string> = new Set([
  'terminal.input',
  'setup.applied',
  'message.sent',
  'issue.reported',
  'recording.sealed',
]);

/** Whether an export leaves out an event that not all of its type are left out with. */
function isWithheld(type: string, data: unknown): boolean {
  if (WITHHELD_TYPES.has(type)) return true;
  const { target, event } = (data ?? {}) as { target?: unknown; event?: { by?: unknown; kind?: unknown } };
  // A paste into a terminal may be a password, which its hash and length would let anybody guess.
  if (type === 'clipboard.paste') return String(target).startsWith('terminal:');
  // Who caused it is an account, the same in every export, and may have said why in words; a rollback names machines. `clock.jsonl` has the rest.
  return type === 'clock.event' && ((event?.by ?? null) !== null || event?.kind === 'rollback');
}

/**
 * Writes attempts into an empty folder, as a release behind terms: those whose participants do not agree to one are left out, and
 * counted. The same attempts with the same answers give the same bytes. Throws `invalid_input` for a folder with something in it,
 * `not_found` for an attempt that does not exist, `conflict` for one that has not ended, and where all of them are left out.
 */
export async function exportAttempts(request: ExportRequest, outDir: string): Promise<WrittenExport> {
  const { db, attemptIds, onProgress } = request;
  await mkdir(outDir, { recursive: true });
  if ((await readdir(outDir)).length > 0)
    throw new AppError('invalid_input', 'The folder for the export is not empty. Choose another one.');
  const asked = await loadViews(db, attemptIds);
  const askedIds = asked.map(({ id }) => id);
  const standings = await agreementStandings(db.pool, askedIds);
  const recordings = await readRecordingContents(db.pool, askedIds);
  const { views, flow } = applyConsents(asked, standings);
  if (views.length === 0)
    throw new AppError('conflict', 'None of these attempts may be released: their participants do not agree to it, or were never asked.');
  const pseudonyms = pseudonymsOf(
    views.map(({ id }) => id),
    views.map(({ participant }) => participant.id),
  );
  const folder = new ReleaseFolder(outDir);
  const attempts: AttemptRow[] = [];
  const scores: ScoreTableRow[] = [];
  const clock: ClockRow[] = [];
  for (const [i, view] of views.entries()) {
    const recording = await writeRecording(folder, request, view.id);
    const rows = await listScores(db, view.id);
    const notes = await db.prisma.note.count({ where: { attemptId: view.id } });
    const { group } = await db.prisma.participant.findUniqueOrThrow({ where: { id: view.participant.id }, select: { group: true } });
    const pseudonym = pseudonyms.get(view.participant.id) as string;
    attempts.push(
      attemptRow({
        view,
        scores: rows,
        participantGroup: group,
        notes,
        survey: await findSurvey(db, view.id),
        pseudonym,
        recording,
        answers: standings.get(view.id)?.answers ?? null,
      }),
    );
    scores.push(...scoreRows(view, rows));
    clock.push(...clockRows(view, rows));
    await onProgress?.((i + 1) / views.length);
  }
  await folder.write('attempts.jsonl', jsonLines(attempts));
  await folder.write('scores.jsonl', jsonLines(scores));
  await folder.write('clock.jsonl', jsonLines(clock));
  await folder.write('flow.jsonl', jsonLines(flow));
  await folder.write('manifests/signing.pub', request.keys.publicKey.export({ type: 'spki', format: 'pem' }));
  const leftOut = asked.length - views.length;
  await folder.write('README.md', readmeText({ attempts: attempts.length, participants: pseudonyms.size, scores: scores.length, leftOut }));
  await folder.writeSums(request.keys.signingKey);
  return { files: folder.paths(), leftOut, answers: answerNumbers(standings), recordings };
}

/** Takes out the attempts that may not be released, and counts them by why. */
function applyConsents(asked: readonly AttemptView[], standings: ReadonlyMap<string, AgreementStanding>) {
  const left = { unanswered: 0, refused: 0 };
  const views = asked.filter(({ id }) => {
    const refusal = releaseRefusal(standings.get(id));
    if (refusal !== null) left[refusal] += 1;
    return refusal === null;
  });
  const flow: FlowRow[] = [
    { step: 'asked_for', reason: null, attempts: asked.length },
    { step: 'left_out', reason: 'consent_refused', attempts: left.refused },
    { step: 'left_out', reason: 'consent_not_asked', attempts: left.unanswered },
    { step: 'released', reason: null, attempts: views.length },
  ];
  return { views, flow };
}

async function loadViews(db: Database, attemptIds: readonly string[]): Promise<AttemptView[]> {
  const ids = [...new Set(attemptIds)].sort();
  if (ids.length === 0) throw new AppError('invalid_input', 'Name at least one attempt to export.');
  const views: AttemptView[] = [];
  for (const id of ids) {
    const view = await loadAttempt(db, id);
    if (!EXPORTABLE_STATES.includes(view.state)) {
      throw new AppError('conflict', `Attempt ${id} is ${view.state}: it can be exported when it has ended.`);
    }
    views.push(view);
  }
  return views;
}

/** Events, proofs, manifest and casts of one attempt, as far as it has them. */
async function writeRecording(folder: ReleaseFolder, request: ExportRequest, attemptId: string): Promise<RecordingSummary> {
  const { db, store, keys } = request;
  const signed = await readManifest(db, attemptId);
  const dataKey = await keys.findDataKey(db, attemptId);
  if (signed === null) return { state: dataKey === 'absent' ? 'none' : 'unfinished', events: 0, root: null };
  const manifest = readManifestText(signed.manifest);
  const summary = { events: manifest.lastSeq, root: manifest.root };
  await writeManifest(folder, attemptId, signed);
  if (typeof dataKey === 'string') return { state: 'erased', ...summary };
  const source = { db, store, keys, attemptId };
  const events = await folder.create(`events/${attemptId}.jsonl.zst`);
  const proofs = await folder.create(`proofs/${attemptId}.jsonl`);
  try {
    for await (const { frame, proof } of releaseSegments(source, isWithheld)) {
      await events.append(frame);
      await proofs.append(`${JSON.stringify(proof)}\n`);
    }
  } finally {
    await events.close();
    await proofs.close();
  }
  await writeCasts(folder, await openRecording(source), attemptId);
  return { state: 'released', ...summary };
}

async function writeManifest(folder: ReleaseFolder, attemptId: string, signed: StoredManifest): Promise<void> {
  await folder.write(`manifests/${attemptId}.json`, signed.manifest);
  await folder.write(`manifests/${attemptId}.sig`, `${signed.signature}\n`);
  if (signed.timestampToken !== null) await folder.write(`manifests/${attemptId}.tst`, signed.timestampToken);
}

function jsonLines(rows: readonly object[]): string {
  return rows.map((row) => `${JSON.stringify(row)}\n`).join('');
}

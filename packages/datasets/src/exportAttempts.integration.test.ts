import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { zstdDecompressSync } from 'node:zlib';
import { CONSENTS, type Consent, type Consents } from '@plumbline/core';
import { answerAgreement, type Database, findAgreement, writeAgreement } from '@plumbline/database';
import { makeAttempt, makeUser } from '@plumbline/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ATTEMPT_COLUMNS, CLOCK_COLUMNS, SCORE_COLUMNS } from './columns.ts';
import { exportArchive } from './exportArchive.ts';
import { ExportRig } from './exportRig.fixture.ts';
import { finishedAttempt, SETTINGS } from './finishedAttempt.fixture.ts';
import { verifyExport } from './verifyExport.ts';

let rig: ExportRig;
let db: Database;
let attempts: string[];

beforeAll(async () => {
  rig = await ExportRig.open();
  db = rig.db;
  const expert = await makeUser(db, 'expert', { name: 'Name Of The Expert', email: 'address-of-the-expert@test.plumbline.local' });
  attempts = [await finishedAttempt(rig, { expert }), await finishedAttempt(rig, { expert }), await finishedAttempt(rig)];
});
afterAll(() => rig.close());

const exported = (name: string, attemptIds = attempts) => rig.exported(name, attemptIds);

async function readRows(dir: string, file: string): Promise<Record<string, unknown>[]> {
  const text = await readFile(join(dir, file), 'utf8');
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
}

/** The recording of an attempt as text: all of its frames, where a decompression by itself ends with the first. */
async function readEvents(dir: string, attemptId: string): Promise<string> {
  const frames = await readFile(join(dir, 'events', `${attemptId}.jsonl.zst`));
  let at = 0;
  let text = '';
  for (const { frameBytes } of await readRows(dir, `proofs/${attemptId}.jsonl`)) {
    text += zstdDecompressSync(frames.subarray(at, at + Number(frameBytes))).toString('utf8');
    at += Number(frameBytes);
  }
  expect(at).toBe(frames.length);
  return text;
}

describe('an export', () => {
  it('has a row per attempt and per score, with every column, and the numbers of the pages', async () => {
    const dir = await exported('rows');
    const rows = await readRows(dir, 'attempts.jsonl');
    expect(rows.map((row) => row.attempt)).toEqual([...attempts].sort());
    for (const row of rows) expect(Object.keys(row)).toEqual(ATTEMPT_COLUMNS.map(({ name }) => name));
    const surveys = rows.map((row) => [row.survey_expectation, row.survey_difficulty, row.survey_off_clock_minutes, row.survey_problems]);
    expect(surveys.filter(([expectation]) => expectation !== null)).toEqual([
      ['as_expected', 3, 15, 'None.'],
      ['as_expected', 3, 15, 'None.'],
    ]);
    expect(surveys).toContainEqual([null, null, null, null]);
    expect(rows[0]).toMatchObject({
      participant_group: 'unknown',
      end_reason: 'submitted',
      pauses: 1,
      score_requests: 3,
      valid_scores: 3,
      logged_score: 4,
      logged_normalised: 0.75,
      clean_scores: 2,
      clean_mean: 4.1,
      recording: 'released',
    });
    const pseudonyms = rows.map((row) => row.participant);
    expect(new Set(pseudonyms)).toEqual(new Set(['P1', 'P2']));
    const scores = (await readRows(dir, 'scores.jsonl')).filter((row) => row.attempt === rows[0]?.attempt);
    for (const row of scores) expect(Object.keys(row)).toEqual(SCORE_COLUMNS.map(({ name }) => name));
    expect(scores.map(({ trigger, score, best_so_far, counts, of_n }) => ({ trigger, score, best_so_far, counts, of_n }))).toEqual([
      { trigger: 'participant', score: 6, best_so_far: 6, counts: false, of_n: null },
      { trigger: 'participant', score: null, best_so_far: 6, counts: false, of_n: null },
      { trigger: 'participant', score: 4, best_so_far: 4, counts: true, of_n: null },
      { trigger: 'final', score: 5, best_so_far: 4, counts: false, of_n: null },
      { trigger: 'clean', score: 4, best_so_far: 4, counts: false, of_n: 3 },
      { trigger: 'clean', score: 4.2, best_so_far: 4, counts: false, of_n: 3 },
    ]);
  });

  it('names nobody, and leaves out what was typed but not that something was', async () => {
    const dir = await exported('private');
    const events = await readEvents(dir, attempts[0] as string);
    expect(events).toContain('{"seq":2,"withheld":true}');
    expect(events).toContain('"type":"score.finished"');
    expect(events).toContain('"target":"editor:a.py"');
    expect(events).not.toContain('"target":"terminal:1"');
    const accounts = (await db.prisma.user.findMany()).map(({ id }) => id);
    const participants = (await db.prisma.participant.findMany()).map(({ id }) => id);
    expect(accounts.length).toBeGreaterThan(participants.length);
    const secrets = [
      'what was typed',
      'Name Of The',
      'address-of-the-expert',
      'words of the staff',
      'words of the expert',
      ...accounts,
      ...participants,
    ];
    for (const file of await readdir(dir, { recursive: true, withFileTypes: true })) {
      if (!file.isFile()) continue;
      const isRecording = file.name.endsWith('.jsonl.zst');
      const text = await (isRecording ? readEvents(dir, file.name.slice(0, 36)) : readFile(join(file.parentPath, file.name), 'utf8'));
      for (const secret of secrets) expect(text, file.name).not.toContain(secret);
    }
  });

  it('has the events of the clock in a table, with who caused them by their part alone, from which the time of each score follows', async () => {
    const dir = await exported('clock');
    const rows = (await readRows(dir, 'clock.jsonl')).filter((row) => row.attempt === attempts[0]);
    for (const row of rows) expect(Object.keys(row)).toEqual(CLOCK_COLUMNS.map(({ name }) => name));
    expect(rows.map(({ n, kind, by, pause_reason, credit_ms }) => [n, kind, by, pause_reason, credit_ms])).toEqual([
      [1, 'started', 'participant', null, null],
      [2, 'adjusted', 'staff', null, 1_000],
      [3, 'paused', 'participant', 'break', null],
      [4, 'resumed', 'participant', null, null],
      [5, 'submitted', 'participant', null, null],
    ]);
    const attempt = (await readRows(dir, 'attempts.jsonl')).find((row) => row.attempt === attempts[0]);
    expect(rows.at(-1)).toMatchObject({ elapsed_ms: attempt?.elapsed_ms, at: attempt?.ended_at });
    expect(await readEvents(dir, attempts[0] as string)).not.toContain('clock.event');
  });

  it('has a cast per terminal with whole characters and the scores as markers', async () => {
    const dir = await exported('casts');
    const lines = await readRows(dir, `casts/${attempts[0]}-1.cast`);
    expect(lines[0]).toMatchObject({ version: 2, width: 80, height: 24 });
    const events = lines.slice(1) as unknown as [number, string, string][];
    expect(events.filter(([, code]) => code === 'o').map(([, , text]) => text)).toEqual(['smile ', '🙂\r\n']);
    expect(events.filter(([, code]) => code === 'm').map(([, , text]) => text)).toEqual(
      expect.arrayContaining(['Clock started', 'Score 1: 6', 'Score 2: no valid number', 'Paused: a break', 'Resumed', 'Score 3: 4']),
    );
  });

  it('has casts that asciinema itself plays, to the same bytes', async () => {
    const dir = await exported('played');
    const cast = join(dir, 'casts', `${attempts[0]}-1.cast`);
    // It asks for a terminal of its own, which `script` gives it.
    const { status, stdout } = spawnSync('script', ['-qec', `asciinema cat '${cast}'`, '/dev/null'], {
      env: { ...process.env, LANG: 'C.UTF-8', HOME: rig.path },
    });
    expect(status).toBe(0);
    expect(stdout.toString().replaceAll('\r\r', '\r')).toContain('smile 🙂\r\n');
  });

  it('gives the same bytes again, and sums that agree', async () => {
    const [first, second] = [await exported('same-1'), await exported('same-2')];
    const sums = await readFile(join(first, 'SHA256SUMS'), 'utf8');
    expect(await readFile(join(second, 'SHA256SUMS'), 'utf8')).toBe(sums);
    execFileSync('sh', ['-c', 'sha256sum --check --quiet SHA256SUMS'], { cwd: second });
  });

  it('is one tar in the store that tar itself unpacks', async () => {
    const fractions: number[] = [];
    const { objectHash, bytes } = await exportArchive({
      db,
      store: rig.store,
      keys: rig.keys,
      attemptIds: attempts,
      onProgress: (fraction) => void fractions.push(fraction),
    });
    expect(fractions.at(-1)).toBe(1);
    const tar = await rig.store.get(objectHash);
    expect(tar.length).toBe(bytes);
    expect(createHash('sha256').update(tar).digest('hex')).toBe(objectHash);
    const dir = join(rig.path, 'unpacked');
    await mkdir(dir);
    await writeFile(join(dir, 'export.tar'), tar);
    execFileSync('tar', ['-xf', 'export.tar'], { cwd: dir });
    const verdict = await verifyExport(join(dir, 'plumbline-export'));
    expect(verdict.files).toEqual([]);
    expect(verdict.attempts.map((attempt) => attempt.verdict)).toEqual(['redacted', 'redacted', 'redacted']);
  });

  it('leaves out and counts attempts without consent to it, and says of the others what they agree to', async () => {
    const withAgreement = async (...answers: Consents[]) => {
      const id = await finishedAttempt(rig);
      const { studyId } = await db.prisma.assignment.findFirstOrThrow({ where: { attempt: { id } } });
      await writeAgreement(db, studyId, { text: 'A text.', contact: 'x', withdrawUntil: new Date(Date.now() + 60_000) }, { by: null });
      const versionId = (await findAgreement(db, id)).version?.id as string;
      for (const consents of answers) await answerAgreement(db, id, { versionId, consents });
      return id;
    };
    const without = (...refused: Consent[]) =>
      Object.fromEntries(CONSENTS.map((consent) => [consent, !refused.includes(consent)])) as Consents;
    const agreed = await withAgreement(without('publicRelease', 'quotation'));
    const left = [
      await withAgreement(without('gatedRelease')),
      // A change of mind: the newest answers stand.
      await withAgreement(without(), without('gatedRelease')),
      await withAgreement(),
    ];
    const dir = await exported('consents', [agreed, ...left, attempts[0] as string]);
    expect(await readRows(dir, 'flow.jsonl')).toEqual([
      { step: 'asked_for', reason: null, attempts: 5 },
      { step: 'left_out', reason: 'consent_refused', attempts: 2 },
      { step: 'left_out', reason: 'consent_not_asked', attempts: 1 },
      { step: 'released', reason: null, attempts: 2 },
    ]);
    const rows = await readRows(dir, 'attempts.jsonl');
    expect(rows.map((row) => row.attempt).sort()).toEqual([agreed, attempts[0]].sort());
    expect(rows.find((row) => row.attempt === agreed)).toMatchObject({
      agreement_hash: createHash('sha256').update('A text.').digest('hex'),
      consent_gated_release: true,
      consent_public_release: false,
      consent_ai_training: true,
      consent_quotation: false,
      consents_confirmed: true,
    });
    expect(rows.find((row) => row.attempt === attempts[0])).toMatchObject({ agreement_hash: null, consent_gated_release: null });
    const files = (await readdir(dir, { recursive: true })).join('\n');
    const tables = await Promise.all(['scores.jsonl', 'README.md', 'SHA256SUMS'].map((file) => readFile(join(dir, file), 'utf8')));
    for (const id of left) expect(files + tables.join('\n')).not.toContain(id);
    expect((await verifyExport(dir)).files).toEqual([]);
    await expect(exported('nothing', left)).rejects.toMatchObject({ code: 'conflict' });
  });

  it('refuses attempts that have not ended or do not exist, and a folder with something in it', async () => {
    const { attempt } = await makeAttempt(db, { environmentSettings: SETTINGS });
    await expect(exported('refused-1', [attempt.id])).rejects.toMatchObject({ code: 'conflict' });
    await expect(exported('refused-2', ['00000000-0000-4000-8000-000000000000'])).rejects.toMatchObject({ code: 'not_found' });
    await exported('refused-3');
    await expect(exported('refused-3')).rejects.toMatchObject({ code: 'invalid_input' });
  });
});

import { ATTEMPT_STATES, type AttemptState, attemptResult, elapsedMs } from '@plumbline/core';
import { type AttemptView, listAttempts, loadAttempt } from '@plumbline/database/attempts';
import { readManifest } from '@plumbline/database/recordingManifests';
import { readRecordingState } from '@plumbline/database/recordingTail';
import { listScores } from '@plumbline/database/scores';
import { type Command, Option } from 'commander';
import { duration, isoTime, print, printJson, printTable } from './output.ts';
import { withPlatform } from './platform.ts';

export function addAttempt(program: Command): void {
  const attempt = program.command('attempt').description('attempts as they stand');
  attempt
    .command('list')
    .description('attempts, longest begun first')
    .addOption(new Option('--state <state...>', 'only in these states').choices(ATTEMPT_STATES))
    .option('--json', 'print JSON')
    .action(async ({ state, json }: { state?: AttemptState[]; json?: boolean }) => {
      const views = await withPlatform(({ db }) => listAttempts(db, state ?? ATTEMPT_STATES));
      const nowMs = Date.now();
      if (json === true) return printJson(views.map((view) => summary(view, nowMs)));
      printTable(
        ['attempt', 'state', 'environment', 'study', 'started', 'elapsed'],
        views.map((view) => {
          const { id, state: at, environment, study, startedAt, elapsedMs: elapsed } = summary(view, nowMs);
          return [id, at, environment, study, startedAt, duration(elapsed)];
        }),
      );
    });
  attempt
    .command('show')
    .description('one attempt with its clock, scores and recording')
    .argument('<id>')
    .option('--json', 'print JSON')
    .action(async (id: string, { json }: { json?: boolean }) => {
      const { view, scores, recording, signed } = await withPlatform(async ({ db }) => ({
        view: await loadAttempt(db, id),
        scores: await listScores(db, id),
        recording: await readRecordingState(db, id),
        signed: (await readManifest(db, id)) !== null,
      }));
      const { counts, result } = attemptResult(scores, view.settings);
      const shown = { ...summary(view, Date.now()), result, recording: { ...recording, signed } };
      if (json === true) return printJson({ ...shown, clock: view.events, scores });
      for (const [name, value] of Object.entries(summary(view, Date.now()))) print(`${name.padEnd(14)}${value ?? '–'}`);
      print(`${'score'.padEnd(14)}${result.raw ?? '–'} (normalised ${result.value ?? '–'})`);
      print(
        `${'recording'.padEnd(14)}${recording.lastSeq} events, ${recording.sealedSeq} of them sealed, ${signed ? 'signed' : 'not signed'}`,
      );
      print('');
      printTable(
        ['n', 'trigger', 'elapsed', 'status', 'score', ''],
        scores.map((row) => [row.n, row.trigger, duration(row.elapsedMs), row.status, row.score, row.id === counts?.id ? 'counts' : '']),
      );
    });
}

function summary(view: AttemptView, nowMs: number) {
  const atMs = view.endedAtMs ?? nowMs;
  return {
    id: view.id,
    state: view.state,
    endReason: view.endReason,
    environment: `${view.environment.family}/${view.environment.task} ${view.environment.version}`,
    study: view.study.name,
    startedAt: isoTime(view.startedAtMs),
    endedAt: isoTime(view.endedAtMs),
    elapsedMs: Math.round(elapsedMs(view.events, atMs, view.limits.limitMs)),
    limitMs: view.limits.limitMs,
  };
}

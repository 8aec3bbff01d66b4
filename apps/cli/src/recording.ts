import { AppError } from '@plumbline/core';
import { recordAudit } from '@plumbline/database/audit';
import type { Database } from '@plumbline/database/client';
import { listExportsWith, withdrawExport } from '@plumbline/database/exports';
import { eraseRecording, type RecordingSource, redactRecording } from '@plumbline/recording';
import type { Command } from 'commander';
import { print } from './output.ts';
import { withPlatform } from './platform.ts';

export function addRecording(program: Command): void {
  const recording = program.command('recording').description('take parts of a recording out, or all of it, and leave a proof of the rest');
  recording
    .command('redact')
    .description('take a range of events out of a finished recording, for good; their hashes stay')
    .argument('<attempt>')
    .requiredOption('--from <seq>', 'first event to take out', wholeNumber)
    .requiredOption('--to <seq>', 'last event to take out', wholeNumber)
    .requiredOption('--reason <text>', 'why; kept in the audit log')
    .action(async (attemptId: string, { from, to, reason }: { from: number; to: number; reason: string }) => {
      if (to < from) throw new AppError('invalid_input', 'The last event stands before the first.');
      const { withheld, withdrawn } = await withPlatform(async ({ db, store, keys }) => {
        const done = await redactRecording({ db, store, keys: await keys(), attemptId }, { fromSeq: from, toSeq: to });
        const after = { fromSeq: from, toSeq: to, reason, ...done };
        await recordAudit(db.pool, { userId: null, act: 'recording.redact', subject: `attempt:${attemptId}`, after });
        return { ...done, withdrawn: await withdrawExportsWith({ db, store }, attemptId) };
      });
      print(`${withheld} events were taken out. "plumb verify ${attemptId}" calls the recording redacted.`);
      tellOfExports(withdrawn);
    });
  recording
    .command('erase')
    .description("destroy a recording's key: nothing of it can ever be read again; its roots and manifest stay")
    .argument('<attempt>')
    .requiredOption('--confirm <attempt>', 'the same id again')
    .requiredOption('--reason <text>', 'why; kept in the audit log')
    .action(async (attemptId: string, { confirm, reason }: { confirm: string; reason: string }) => {
      if (confirm !== attemptId) throw new AppError('invalid_input', 'The two ids differ, so nothing was erased.');
      const withdrawn = await withPlatform(async ({ db, store }) => {
        await db.prisma.attempt.findUniqueOrThrow({ where: { id: attemptId } }).catch((cause: unknown) => {
          throw new AppError('not_found', 'There is no such attempt.', { cause });
        });
        await recordAudit(db.pool, { userId: null, act: 'recording.erase', subject: `attempt:${attemptId}`, after: { reason } });
        await eraseRecording({ db, store, attemptId });
        return withdrawExportsWith({ db, store }, attemptId);
      });
      print(`The recording was erased. "plumb verify ${attemptId}" checks what is left of it.`);
      tellOfExports(withdrawn);
    });
}

/** Exports that were built before have what is now taken out: nobody downloads it any more. */
async function withdrawExportsWith({ db, store }: Pick<RecordingSource, 'store'> & { db: Database }, attemptId: string): Promise<number> {
  const exports = await listExportsWith(db, attemptId);
  for (const { id, objectHash } of exports) {
    // The object first: what is not deleted yet is found again.
    await store.delete(objectHash);
    await withdrawExport(db, id, 'Something that it held was erased. Build it anew.');
  }
  return exports.length;
}

function tellOfExports(withdrawn: number): void {
  if (withdrawn === 0) return;
  const what = withdrawn === 1 ? 'One export that it was in was' : `${withdrawn} exports that it was in were`;
  print(`${what} deleted, and can be built anew. Copies that were downloaded are elsewhere: tell those who have them.`);
}

function wholeNumber(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1) throw new AppError('invalid_input', `"${text}" is not the number of an event.`);
  return value;
}

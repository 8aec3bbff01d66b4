import { AppError } from '@plumbline/core';
import { areNewestAnswers } from '@plumbline/database/agreements';
import { listAttempts } from '@plumbline/database/attempts';
import { exportAttempts } from '@plumbline/datasets';
import type { Command } from 'commander';
import { print } from './output.ts';
import { withPlatform } from './platform.ts';

export function addExport(program: Command): void {
  program
    .command('export')
    .description('write completed attempts whose participants agree to it as a dataset: tables, recordings with their proofs, casts')
    .requiredOption('--out <dir>', 'folder to write; it must be empty or not exist')
    .option('--attempt <id...>', 'attempts to export; without it, every completed one')
    .action(async ({ out, attempt }: { out: string; attempt?: string[] }) => {
      await withPlatform(async ({ db, store, keys }) => {
        const attemptIds = attempt ?? (await listAttempts(db, ['completed'])).map(({ id }) => id);
        const { files, leftOut, answers } = await exportAttempts({ db, store, keys: await keys(), attemptIds }, out);
        if (!(await areNewestAnswers(db.pool, answers))) {
          throw new AppError('conflict', `A participant changed their consents meanwhile. Remove ${out}, and export again.`);
        }
        print(`Wrote ${new Set(attemptIds).size - leftOut} attempts, ${files.length} files, to ${out}.`);
        if (leftOut > 0) print(`Left out ${leftOut}, without consent to a release behind terms: flow.jsonl says why.`);
      });
    });
}

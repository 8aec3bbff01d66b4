import { chmodSync, cpSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createDatabase } from '@plumbline/database';
import { assign } from '@plumbline/database/assignments';
import { saveEnvironment } from '@plumbline/database/environments';
import { addEnvironmentToStudy, createStudy } from '@plumbline/database/studies';
import { loadFamily } from '@plumbline/taskstandard';
import type { PlatformUnderTest } from './platform.ts';

const PRACTICE = join(import.meta.dirname, '../../environments/practice');

/** The practice family with its program changed, in a folder of its own that whoever calls removes. */
export function changedPractice(change: (program: string) => string): string {
  const dir = mkdtempSync(join(tmpdir(), 'plumbline-family-'));
  // Sandboxes have users of their own, which read the family through its folder.
  chmodSync(dir, 0o755);
  cpSync(PRACTICE, dir, { recursive: true });
  const program = join(dir, 'practice.py');
  writeFileSync(program, change(readFileSync(program, 'utf8')));
  return dir;
}

/** Asks a person to work on a family's task `main` under a title that nothing else has; the hash of the family's files. */
export async function assignFamily(
  platform: PlatformUnderTest,
  userId: string,
  { familyDir, title, scoreVisible }: { familyDir: string; title: string; scoreVisible: boolean },
): Promise<string> {
  const db = createDatabase(platform.databaseUrl, { poolMax: 2 });
  const { family, tasks, contentHash } = loadFamily(familyDir);
  try {
    const { version, settings } = tasks.main as NonNullable<(typeof tasks)[string]>;
    const environment = { family, task: 'main', version, familyDir, contentHash, settings: { ...settings, title } };
    const { id: environmentId } = await saveEnvironment(db, environment);
    const study = await createStudy(db, { name: title, kind: 'pilot' }, { by: null });
    await addEnvironmentToStudy(db, study.id, environmentId);
    await assign(db, { studyId: study.id, userId, environmentId, scoreVisible }, { by: null });
  } finally {
    await db.close();
  }
  return contentHash;
}

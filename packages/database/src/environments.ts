import { EnvironmentSettings } from '@plumbline/taskstandard/settings';
import type { Database, Environment } from './client.ts';

export interface NewEnvironment {
  family: string;
  task: string;
  version: string;
  /** Relative to the installation's `environments`, or absolute. */
  familyDir: string;
  contentHash: string;
  settings: EnvironmentSettings;
}

/** Adds an environment; the same family, task, version and content is the same environment, with its settings brought up to date. */
export async function saveEnvironment(db: Database, environment: NewEnvironment): Promise<Environment> {
  const { family, task, version, contentHash, familyDir } = environment;
  const settings = EnvironmentSettings.parse(environment.settings);
  return db.prisma.environment.upsert({
    where: { family_task_version_contentHash: { family, task, version, contentHash } },
    create: { family, task, version, contentHash, familyDir, settings, title: settings.title },
    update: { familyDir, settings, title: settings.title },
  });
}

/** All environments. */
export function listEnvironments(db: Database): Promise<Environment[]> {
  return db.prisma.environment.findMany({ orderBy: [{ family: 'asc' }, { task: 'asc' }, { createdAt: 'desc' }] });
}

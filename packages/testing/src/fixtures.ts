import { randomUUID } from 'node:crypto';
import type { Role } from '@plumbline/core';
import type { Attempt, Database, Study, User } from '@plumbline/database/client';
import { EnvironmentSettings } from '@plumbline/taskstandard/settings';

/** A user of a role, and for an expert the participant. The password is no password: it cannot sign in. */
export async function makeUser(
  db: Database,
  role: Role,
  fields: Partial<Pick<User, 'email' | 'name' | 'passwordHash'>> = {},
): Promise<User> {
  const email = fields.email ?? `${role}-${randomUUID()}@test.plumbline.local`;
  const participant = role === 'expert' ? { create: { kind: 'person' as const } } : undefined;
  return db.prisma.user.create({ data: { email, name: fields.name ?? role, role, passwordHash: fields.passwordHash ?? '!', participant } });
}

/** An environment's settings, with what a test is about in `changes`. */
export function exampleSettings(changes: Partial<EnvironmentSettings> = {}): EnvironmentSettings {
  return EnvironmentSettings.parse({
    title: 'Practice',
    startingScore: 1,
    referenceScore: 2,
    direction: 'higher',
    aggregation: 'best',
    scoreUnit: '',
    whileScoring: { participant: 'continues', clock: 'runs' },
    submission: { paths: ['.'], maxGb: 1 },
    cleanRescores: 1,
    scoreTimeoutSeconds: 60,
    scoreVisible: true,
    review: [],
    resources: {},
    scoring: {},
    ...changes,
  });
}

export interface AttemptFixture {
  attempt: Attempt;
  expert: User;
  study: Study;
  assignmentId: string;
  environmentId: string;
}

export interface AttemptFixtureOptions {
  /** Who does it; made when not given. */
  expert?: User;
  study?: Partial<Pick<Study, 'limitMs' | 'maxPauses' | 'maxPauseMs' | 'maxPauseTotalMs' | 'aiToolLevel'>>;
  /** The validated `meta.plumbline` block with resources and scoring, as `Environment.settings` holds it. */
  environmentSettings?: object;
  familyDir?: string;
  task?: string;
}

/** A scheduled attempt with everything it hangs on: expert, study, environment, assignment. */
export async function makeAttempt(db: Database, options: AttemptFixtureOptions = {}): Promise<AttemptFixture> {
  const expert = options.expert ?? (await makeUser(db, 'expert'));
  const participant = await db.prisma.participant.upsert({ where: { userId: expert.id }, create: { userId: expert.id }, update: {} });
  const study = await db.prisma.study.create({ data: { name: `study ${randomUUID()}`, kind: 'main', ...options.study } });
  const environment = await db.prisma.environment.create({
    data: {
      family: 'practice',
      task: options.task ?? 'main',
      version: '1.0.0',
      title: 'Practice',
      familyDir: options.familyDir ?? 'practice',
      contentHash: randomUUID(),
      settings: options.environmentSettings ?? {},
      studies: { create: { studyId: study.id } },
    },
  });
  const assignment = await db.prisma.assignment.create({
    data: { studyId: study.id, participantId: participant.id, environmentId: environment.id },
  });
  const attempt = await db.prisma.attempt.create({ data: { assignmentId: assignment.id, limitMs: study.limitMs } });
  return { attempt, expert, study, assignmentId: assignment.id, environmentId: environment.id };
}

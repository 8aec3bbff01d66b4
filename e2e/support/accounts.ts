import { randomUUID } from 'node:crypto';
import { Session } from './session.ts';

export type Role = 'expert' | 'reviewer' | 'researcher' | 'admin';

export interface Account {
  userId: string;
  name: string;
  email: string;
  password: string;
}

/** An account that nobody else uses, so that what happens to it happens to no other test. */
export async function makeAccount(admin: Session, role: Role): Promise<Account> {
  const key = randomUUID().slice(0, 8);
  const account = { name: `Account ${key}`, email: `${key}@example.org`, password: `password-${key}` };
  const { userId } = await admin.mutate<{ userId: string }>('user.create', { ...account, role });
  return { userId, ...account };
}

interface Study {
  studyId: string;
  environments: { environmentId: string; title: string }[];
}

/** Asks a person to work on the environment whose title matches. */
export async function assign(admin: Session, userId: string, title: RegExp): Promise<void> {
  for (const { studyId, environments } of await admin.query<Study[]>('study.list')) {
    const environment = environments.find((candidate) => title.test(candidate.title));
    if (environment === undefined) continue;
    await admin.mutate('study.assign', { studyId, environmentId: environment.environmentId, userId });
    return;
  }
  throw new Error(`no study has an environment whose title matches ${title}`);
}

/** An expert of their own with an open assignment, signed in. */
export async function expertWith(baseUrl: string, admin: Session, title: RegExp): Promise<{ account: Account; session: Session }> {
  const account = await makeAccount(admin, 'expert');
  await assign(admin, account.userId, title);
  return { account, session: await Session.signIn(baseUrl, account.email, account.password) };
}

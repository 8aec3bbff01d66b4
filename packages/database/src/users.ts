import { hash, verify } from '@node-rs/argon2';
import { AppError, type Role } from '@plumbline/core';
import { recordAudit } from './audit.ts';
import type { Database } from './client.ts';
import { endAllOfUser } from './sessions.ts';
import { inTransaction, type Queryable } from './transaction.ts';

/** argon2id with the least memory and time that OWASP recommends: about 20 ms, and 19 MiB, for each try. */
const ARGON2 = { memoryCost: 19_456, timeCost: 2, parallelism: 1 } as const;

/** Serialises the choice of the first admin: "first" in ASCII. */
const FIRST_ADMIN_LOCK = 0x6669727374;

export interface UserRecord {
  id: string;
  email: string;
  name: string;
  role: Role;
  disabledAt: Date | null;
  createdAt: Date;
}

export interface NewUser {
  email: string;
  name: string;
  role: Role;
  password: string;
}

const COLUMNS = 'id, email, name, role, disabled_at AS "disabledAt", created_at AS "createdAt"';

/** One address is one account, however it is written. */
export function normaliseEmail(email: string): string {
  return email.trim().toLowerCase();
}

export function hashPassword(password: string): Promise<string> {
  return hash(password, ARGON2);
}

/**
 * Creates a user; an expert is a participant at once.
 *
 * @throws AppError `conflict` where the address has an account.
 */
export async function createUser(db: Database, user: NewUser, options: { by: string | null }): Promise<UserRecord> {
  const passwordHash = await hashPassword(user.password);
  return inTransaction(db, (tx) => insertUser(tx, user, passwordHash, options.by));
}

async function insertUser(tx: Queryable, user: NewUser, passwordHash: string, by: string | null): Promise<UserRecord> {
  const { rows } = await tx.query(
    `INSERT INTO app_user (id, email, name, role, password_hash) VALUES (gen_random_uuid(), $1, $2, $3::"Role", $4)
     ON CONFLICT (email) DO NOTHING RETURNING ${COLUMNS}`,
    [normaliseEmail(user.email), user.name.trim(), user.role, passwordHash],
  );
  const created: UserRecord | undefined = rows[0];
  if (created === undefined) throw new AppError('conflict', 'There is already an account with this e-mail address.');
  if (user.role === 'expert') await ensureParticipant(tx, created.id);
  await recordAudit(tx, {
    userId: by,
    act: 'user.create',
    subject: `user:${created.id}`,
    after: { email: created.email, role: created.role },
  });
  return created;
}

/** The participant that a user is; made where there is none yet. */
export async function ensureParticipant(on: Queryable, userId: string): Promise<string> {
  const { rows } = await on.query(
    `INSERT INTO participant (id, user_id) VALUES (gen_random_uuid(), $1) ON CONFLICT (user_id) DO UPDATE SET user_id = excluded.user_id RETURNING id`,
    [userId],
  );
  return rows[0].id;
}

/** Whether anybody has an account. */
export async function hasUsers(db: Database): Promise<boolean> {
  const { rows } = await db.pool.query('SELECT EXISTS (SELECT 1 FROM app_user) AS there');
  return rows[0].there;
}

/**
 * Creates the first admin of an installation that has no accounts.
 *
 * @throws AppError `conflict` where there is one; of two at once the second hears it.
 */
export async function createFirstAdmin(db: Database, user: Omit<NewUser, 'role'>): Promise<UserRecord> {
  const passwordHash = await hashPassword(user.password);
  return inTransaction(db, async (tx) => {
    await tx.query('SELECT pg_advisory_xact_lock($1)', [FIRST_ADMIN_LOCK]);
    const { rows } = await tx.query('SELECT EXISTS (SELECT 1 FROM app_user) AS there');
    if (rows[0].there) throw new AppError('conflict', 'This installation has accounts already. Sign in, or ask an admin for one.');
    return insertUser(tx, { ...user, role: 'admin' }, passwordHash, null);
  });
}

let decoy: Promise<string> | undefined;

/** The user with this address and password who is not disabled; else null, in the same time, so that nobody learns who has an account. */
export async function verifyPassword(db: Database, email: string, password: string): Promise<UserRecord | null> {
  const { rows } = await db.pool.query(`SELECT ${COLUMNS}, password_hash AS "passwordHash" FROM app_user WHERE email = $1`, [
    normaliseEmail(email),
  ]);
  const row: (UserRecord & { passwordHash: string }) | undefined = rows[0];
  decoy ??= hashPassword('no account has this password');
  // A hash that cannot be read is an account that cannot sign in.
  const right = await verify(row?.passwordHash ?? (await decoy), password).catch(() => false);
  if (row === undefined || !right || row.disabledAt !== null) return null;
  const { passwordHash: _, ...user } = row;
  return user;
}

/** Sets a password and ends every sign-in that was made with the old one. */
export async function setPassword(db: Database, userId: string, password: string, options: { by: string | null }): Promise<void> {
  const passwordHash = await hashPassword(password);
  await changeUser(db, userId, 'user.setPassword', options.by, async (tx) => {
    await tx.query('UPDATE app_user SET password_hash = $2 WHERE id = $1', [userId, passwordHash]);
    await endAllOfUser(tx, userId);
    return {};
  });
}

/** Disables a user: sign-ins and sockets end at once. Idempotent. */
export async function disableUser(db: Database, userId: string, options: { by: string | null }): Promise<void> {
  await changeUser(db, userId, 'user.disable', options.by, async (tx) => {
    await tx.query('UPDATE app_user SET disabled_at = coalesce(disabled_at, clock_timestamp()) WHERE id = $1', [userId]);
    await endAllOfUser(tx, userId);
    return { disabled: true };
  });
}

/** Lets a disabled user sign in again. */
export async function enableUser(db: Database, userId: string, options: { by: string | null }): Promise<void> {
  await changeUser(db, userId, 'user.enable', options.by, async (tx) => {
    await tx.query('UPDATE app_user SET disabled_at = NULL WHERE id = $1', [userId]);
    return { disabled: false };
  });
}

/** Gives a user another role. Sockets opened under the old one end; requests see the new one at once. */
export async function setUserRole(db: Database, userId: string, role: Role, options: { by: string | null }): Promise<void> {
  await changeUser(db, userId, 'user.setRole', options.by, async (tx) => {
    await tx.query('UPDATE app_user SET role = $2::"Role" WHERE id = $1', [userId, role]);
    if (role === 'expert') await ensureParticipant(tx, userId);
    await endAllOfUser(tx, userId);
    return { role };
  });
}

async function changeUser(
  db: Database,
  userId: string,
  act: string,
  by: string | null,
  change: (tx: Queryable) => Promise<object>,
): Promise<void> {
  await inTransaction(db, async (tx) => {
    const { rows } = await tx.query('SELECT role, disabled_at IS NOT NULL AS disabled FROM app_user WHERE id = $1 FOR UPDATE', [userId]);
    if (rows[0] === undefined) throw new AppError('not_found', 'There is no such user.');
    await recordAudit(tx, { userId: by, act, subject: `user:${userId}`, before: rows[0], after: await change(tx) });
  });
}

/** All users, those who may sign in first. */
export async function listUsers(db: Database): Promise<UserRecord[]> {
  const { rows } = await db.pool.query(`SELECT ${COLUMNS} FROM app_user ORDER BY disabled_at NULLS FIRST, name, id`);
  return rows;
}

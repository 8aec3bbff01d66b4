import { AppError } from '@plumbline/core';
import { HostInventory, HostName, HostPlacement, IsolationName, NewHostPlacement } from '@plumbline/protocol';
import { recordAudit } from './audit.ts';
import type { Database } from './client.ts';
import { storableJson } from './storableJson.ts';
import { inTransaction, type Queryable } from './transaction.ts';

/** The inventory of machines that runners are placed on. A removed host's row stays, for the leases that name it. */

/** The host that is this machine; it is there without anybody adding it. */
export const LOCAL_HOST_NAME = 'here';

export interface HostRecord {
  readonly id: string;
  readonly name: string;
  /** How it is reached: `placement` with its `settings`. */
  readonly reach: HostPlacement;
  readonly isolation: IsolationName;
  /** What the last check found; null before the first. */
  readonly inventory: HostInventory | null;
  readonly checkedAt: Date | null;
  /** Since when it takes no new attempts. */
  readonly drainedAt: Date | null;
  /** Since when it has not answered the worker; it takes nothing meanwhile. Null while it does. */
  readonly silentSince: Date | null;
  readonly createdAt: Date;
}

export interface NewHost {
  readonly name: string;
  readonly reach: HostPlacement;
  readonly isolation: IsolationName;
}

const COLUMNS = `id, name, placement, isolation, settings, inventory, checked_at AS "checkedAt", drained_at AS "drainedAt", silent_since AS "silentSince", created_at AS "createdAt"`;

function toRecord(row: Record<string, unknown>): HostRecord {
  return {
    id: String(row['id']),
    name: String(row['name']),
    reach: HostPlacement.parse({ placement: row['placement'], settings: row['settings'] }),
    isolation: IsolationName.parse(row['isolation']),
    inventory: row['inventory'] === null ? null : HostInventory.parse(row['inventory']),
    checkedAt: row['checkedAt'] as Date | null,
    drainedAt: row['drainedAt'] as Date | null,
    silentSince: row['silentSince'] as Date | null,
    createdAt: row['createdAt'] as Date,
  };
}

/**
 * Adds a host.
 *
 * @throws AppError `invalid_input` for a name or settings that cannot be, `conflict` where the name is taken.
 */
export async function addHost(db: Database, host: NewHost, options: { by: string | null }): Promise<HostRecord> {
  const name = HostName.safeParse(host.name);
  if (!name.success) throw new AppError('invalid_input', `The host's name ${name.error.issues[0]?.message}.`);
  return inTransaction(db, async (tx) => {
    const added = await insertHost(tx, host);
    if (added === null) throw new AppError('conflict', `There is already a host named ${host.name}.`);
    const after = { name: added.name, ...added.reach, isolation: added.isolation };
    await recordAudit(tx, { userId: options.by, act: 'host.add', subject: `host:${added.id}`, after });
    return added;
  });
}

async function insertHost(on: Queryable, { name, reach, isolation }: NewHost): Promise<HostRecord | null> {
  const { placement, settings } = NewHostPlacement.parse(reach);
  const { rows } = await on.query(
    `INSERT INTO host (id, name, placement, isolation, settings) VALUES (gen_random_uuid(), $1, $2, $3, $4::jsonb)
     ON CONFLICT (name) WHERE removed_at IS NULL DO NOTHING RETURNING ${COLUMNS}`,
    [name, placement, isolation, storableJson(settings)],
  );
  return rows[0] === undefined ? null : toRecord(rows[0]);
}

/** The row of this machine, made where it is missing and brought to the isolation that this installation is set to. */
export async function ensureLocalHost(db: Database, isolation: IsolationName): Promise<HostRecord> {
  await insertHost(db.pool, { name: LOCAL_HOST_NAME, reach: { placement: 'local', settings: {} }, isolation });
  const here = await getHost(db, LOCAL_HOST_NAME);
  if (here.isolation === isolation) return here;
  // What a check said of the other isolation is no longer true.
  const { rows } = await db.pool.query(
    `UPDATE host SET isolation = $2, inventory = NULL, checked_at = NULL WHERE id = $1 RETURNING ${COLUMNS}`,
    [here.id, isolation],
  );
  return toRecord(rows[0]);
}

/** All hosts that are not removed, by name. */
export async function listHosts(db: Database): Promise<HostRecord[]> {
  const { rows } = await db.pool.query(`SELECT ${COLUMNS} FROM host WHERE removed_at IS NULL ORDER BY name`);
  return rows.map(toRecord);
}

/** The same within a transaction, and none of them is drained, removed or checked anew before it ends. */
export async function lockHosts(tx: Queryable): Promise<HostRecord[]> {
  const { rows } = await tx.query(`SELECT ${COLUMNS} FROM host WHERE removed_at IS NULL ORDER BY name FOR SHARE`);
  return rows.map(toRecord);
}

/** @throws AppError `not_found`. */
export async function getHost(db: Database, name: string): Promise<HostRecord> {
  const { rows } = await db.pool.query(`SELECT ${COLUMNS} FROM host WHERE name = $1 AND removed_at IS NULL`, [name]);
  if (rows[0] === undefined) throw new AppError('not_found', `There is no host named ${name}. \`plumb host list\` shows all.`);
  return toRecord(rows[0]);
}

/** A host by its id, removed ones too: a lease may still name it. Null where there is none. */
export async function findHostById(db: Database, id: string): Promise<HostRecord | null> {
  const { rows } = await db.pool.query(`SELECT ${COLUMNS} FROM host WHERE id = $1`, [id]);
  return rows[0] === undefined ? null : toRecord(rows[0]);
}

/** Changes how a host is reached or isolated. What its last check found is forgotten. */
export function updateHost(
  db: Database,
  name: string,
  change: Partial<Pick<NewHost, 'reach' | 'isolation'>>,
  options: { by: string | null },
): Promise<HostRecord> {
  return inTransaction(db, async (tx) => {
    const before = await lockHost(tx, name);
    const { placement, settings } = change.reach === undefined ? before.reach : NewHostPlacement.parse(change.reach);
    if (placement !== before.reach.placement) {
      throw new AppError('invalid_input', 'A host keeps its placement. Remove it and add it anew.');
    }
    const { rows } = await tx.query(
      `UPDATE host SET isolation = $2, settings = $3::jsonb, inventory = NULL, checked_at = NULL, silent_since = NULL WHERE id = $1 RETURNING ${COLUMNS}`,
      [before.id, change.isolation ?? before.isolation, storableJson(settings)],
    );
    const after = toRecord(rows[0]);
    const audited = ({ reach, isolation }: HostRecord) => ({ ...reach, isolation });
    await recordAudit(tx, {
      userId: options.by,
      act: 'host.update',
      subject: `host:${before.id}`,
      before: audited(before),
      after: audited(after),
    });
    return after;
  });
}

/** Writes down what a check found. */
export async function saveInventory(db: Database, hostId: string, inventory: HostInventory): Promise<void> {
  await db.pool.query('UPDATE host SET inventory = $2::jsonb, checked_at = clock_timestamp(), silent_since = NULL WHERE id = $1', [
    hostId,
    storableJson(HostInventory.parse(inventory)),
  ]);
}

/**
 * SQL: whether the refusal `t` of the host `h` still keeps the attempt away from there. It does for a day, or until somebody has
 * checked the host by its name and found it well.
 */
export const KEEPS_AWAY = `NOT t.passed AND t.at > greatest(clock_timestamp() - interval '1 day', h.found_well_at)`;

/** Somebody checked a host and found it well: attempts that were refused there before may be placed on it again. */
export async function noteFoundWell(db: Database, hostId: string): Promise<void> {
  await db.pool.query('UPDATE host SET found_well_at = clock_timestamp() WHERE id = $1', [hostId]);
}

/** A drained host takes no new attempts; what runs there goes on. Idempotent. */
export function setHostDrained(db: Database, name: string, drained: boolean, options: { by: string | null }): Promise<HostRecord> {
  return inTransaction(db, async (tx) => {
    const before = await lockHost(tx, name);
    if ((before.drainedAt !== null) === drained) return before;
    const { rows } = await tx.query(
      `UPDATE host SET drained_at = CASE WHEN $2 THEN clock_timestamp() END WHERE id = $1 RETURNING ${COLUMNS}`,
      [before.id, drained],
    );
    await recordAudit(tx, { userId: options.by, act: drained ? 'host.drain' : 'host.undrain', subject: `host:${before.id}` });
    return toRecord(rows[0]);
  });
}

/**
 * Takes a host out of the inventory; its name is free again.
 *
 * @throws AppError `conflict` while a lease is held on it or it is this machine.
 */
export function removeHost(db: Database, name: string, options: { by: string | null }): Promise<void> {
  return inTransaction(db, async (tx) => {
    const host = await lockHost(tx, name);
    if (host.reach.placement === 'local') throw new AppError('conflict', 'This machine is always there. Drain it to keep attempts away.');
    const { rows } = await tx.query(`SELECT count(*)::int AS live FROM lease WHERE host_id = $1 AND state <> 'released'`, [host.id]);
    if (rows[0].live > 0) {
      throw new AppError('conflict', `${rows[0].live} attempts hold ${name}. Drain it, and remove it when they have ended.`);
    }
    await tx.query('UPDATE host SET removed_at = clock_timestamp() WHERE id = $1', [host.id]);
    await recordAudit(tx, { userId: options.by, act: 'host.remove', subject: `host:${host.id}`, before: { name } });
  });
}

/** Holds the row until the transaction ends, so that a lease is not granted on what is being changed. */
async function lockHost(tx: Queryable, name: string): Promise<HostRecord> {
  const { rows } = await tx.query(`SELECT ${COLUMNS} FROM host WHERE name = $1 AND removed_at IS NULL FOR UPDATE`, [name]);
  if (rows[0] === undefined) throw new AppError('not_found', `There is no host named ${name}. \`plumb host list\` shows all.`);
  return toRecord(rows[0]);
}

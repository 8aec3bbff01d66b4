import type { AuditEntry, Database } from './client.ts';
import { storableJson } from './storableJson.ts';
import type { Queryable } from './transaction.ts';

export interface NewAuditEntry {
  /** Who did it; null for the platform. */
  userId: string | null;
  act: string;
  /** What it was done to, as `kind:id`. */
  subject: string;
  before?: unknown;
  after?: unknown;
}

/** Writes down who did what to whom; within the transaction that does it, where there is one. */
export async function recordAudit(on: Queryable, entry: NewAuditEntry): Promise<void> {
  await on.query('INSERT INTO audit_entry (user_id, act, subject, before, after) VALUES ($1, $2, $3, $4::jsonb, $5::jsonb)', [
    entry.userId,
    entry.act,
    entry.subject,
    entry.before === undefined ? null : storableJson(entry.before),
    entry.after === undefined ? null : storableJson(entry.after),
  ]);
}

/** The newest entries, of one subject where it is given. */
export function listAudit(db: Database, options: { subject?: string; limit: number }): Promise<AuditEntry[]> {
  return db.prisma.auditEntry.findMany({ where: { subject: options.subject }, orderBy: { id: 'desc' }, take: options.limit });
}

import type { WorkspacePreferences } from '@plumbline/protocol';
import type { Database } from './client.ts';
import { storableJson } from './storableJson.ts';

/** Keeps what a person chose for their workspace; of two writers the last one wins. */
export async function keepWorkspacePreferences(db: Database, userId: string, preferences: WorkspacePreferences): Promise<void> {
  await db.pool.query(
    `INSERT INTO workspace_preferences (user_id, preferences) VALUES ($1, $2)
     ON CONFLICT (user_id) DO UPDATE SET preferences = EXCLUDED.preferences`,
    [userId, storableJson(preferences)],
  );
}

/** As it was kept, by this version of the platform or another; null for somebody who never chose anything. */
export async function findWorkspacePreferences(db: Database, userId: string): Promise<unknown> {
  return (await db.prisma.workspacePreferences.findUnique({ where: { userId } }))?.preferences ?? null;
}

import type { Database } from '@plumbline/database/client';
import { hasUsers } from '@plumbline/database/users';

/** Nothing is made: the first visitor is asked to become the first admin. */
export async function seedEmpty(db: Database): Promise<string[]> {
  return (await hasUsers(db)) ? [] : ['Nobody has an account yet: open the page to create the first admin.'];
}

import { hasUsers } from '@plumbline/database/users';
import { platform } from '../../platform/server/platform.ts';

/** Whether this installation has no accounts yet, so that the first visitor is asked to make one. */
export async function needsFirstAdmin(): Promise<boolean> {
  return !(await hasUsers(platform().db));
}

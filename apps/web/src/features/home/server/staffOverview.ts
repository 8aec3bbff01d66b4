import { type Actor, can } from '@plumbline/core';
import { api } from '../../rpc/server/api.ts';

/** The figures of the staff's home page: of each part only what this person may see. */
export async function staffOverview(actor: Actor) {
  const caller = await api();
  const [live, finished, exports, environments] = await Promise.all([
    can(actor, 'attempt.listLive') ? caller.live.list() : null,
    can(actor, 'attempt.listFinished') ? caller.review.list() : null,
    can(actor, 'export.list') ? caller.export.list() : null,
    can(actor, 'environment.read') ? caller.study.environments() : null,
  ]);
  return { live, finished, exports, environments };
}
export type StaffOverviewData = Awaited<ReturnType<typeof staffOverview>>;

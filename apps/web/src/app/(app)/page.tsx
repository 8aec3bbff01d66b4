import { Page, PageHeader } from '@plumbline/ui';
import { PlatformTrouble } from '@/features/health/components/PlatformTrouble.tsx';
import { readHealth } from '@/features/health/server/health.ts';
import { AssignmentList } from '@/features/home/components/AssignmentList.tsx';
import { StaffOverview } from '@/features/home/components/StaffOverview.tsx';
import { staffOverview } from '@/features/home/server/staffOverview.ts';
import { api, orRefuse } from '@/features/rpc/server/api.ts';
import { currentActor } from '@/features/session/server/currentActor.ts';
import { EndedAttempts } from '@/features/workspace/components/EndedAttempts.tsx';

/** Nothing that a browser still holds of an attempt in such a state can be saved or recorded. */
const OVER: ReadonlySet<string> = new Set(['completed', 'void', 'withdrawn']);

export default async function HomePage() {
  const caller = await api();
  const assignments = await orRefuse(caller.assignment.mine(), '/');
  const over = assignments.flatMap(({ attempt }) => (attempt && OVER.has(attempt.state) ? attempt.attemptId : []));
  const forgetting = <EndedAttempts attemptIds={over} />;
  const actor = await currentActor();
  if (actor === null || actor.role === 'expert') {
    return (
      <Page>
        <PageHeader title="Your assignments" description="Each is made once. The clock starts only when you say so." />
        <AssignmentList assignments={assignments} level="h2" />
        {forgetting}
      </Page>
    );
  }
  const [health, overview] = await Promise.all([readHealth(), staffOverview(actor)]);
  return (
    <Page>
      <PageHeader title="Overview" description="What runs now, what has finished, and what can be done next." />
      <PlatformTrouble health={health} />
      <StaffOverview overview={overview} />
      {assignments.length > 0 ? (
        <section className="space-y-4">
          <h2 className="text-base font-semibold">Your own assignments</h2>
          <AssignmentList assignments={assignments} level="h3" />
          {forgetting}
        </section>
      ) : null}
    </Page>
  );
}

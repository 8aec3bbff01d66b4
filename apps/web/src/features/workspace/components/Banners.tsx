'use client';
import { OUTPUT_FREE_BYTES, OUTPUT_SLOW_BYTES_PER_SECOND } from '@plumbline/protocol';
import { formatBytes, formatSpan } from '@plumbline/ui';
import { useQuery } from '@tanstack/react-query';
import { CloudOff, DatabaseZap, Gauge, HardDrive, History, MemoryStick, ServerOff, Timer } from 'lucide-react';
import { type ReactNode, useState } from 'react';
import { rpc } from '@/features/rpc/client.ts';
import { staffWords } from '../model/staffWords.ts';
import { useSession, useSessionState } from './useAttemptSession.ts';

const PROGRESS_POLL_MS = 3_000;

/** Two lines at most: the bar that it stands in is no higher. `onUnderstood`: it can be put away. */
function Banner({
  icon,
  children,
  testId,
  onUnderstood,
}: {
  icon: ReactNode;
  children: ReactNode;
  testId: string;
  onUnderstood?: () => void;
}) {
  return (
    <div
      role="status"
      data-testid={testId}
      data-banner
      className="flex min-w-0 flex-1 items-center gap-2 rounded-md border border-warning/30 bg-warning-soft px-3 py-1 text-xs leading-4 [&_svg]:size-4 [&_svg]:shrink-0 [&_svg]:text-warning"
    >
      {icon}
      <span className="line-clamp-2 min-w-0 flex-1">{children}</span>
      {onUnderstood ? (
        <button type="button" className="shrink-0 underline underline-offset-2" onClick={onUnderstood}>
          Understood
        </button>
      ) : null}
    </div>
  );
}

/**
 * What keeps the workspace from working fully now, what it means for the clock, and that it comes back by itself. It
 * stands in the bar at the top in place of the title, so that nothing below moves and no terminal changes its size.
 */
export function Trouble({ otherwise }: { otherwise: ReactNode }) {
  const { connection, sandbox, recordingStalled, outputLimited, inputFull, clock, welcome, resources } = useSessionState();
  const [seenRollback, setSeenRollback] = useState(0);
  const [seenStaff, setSeenStaff] = useState(0);
  const [seenOutputLimit, setSeenOutputLimit] = useState(false);
  /** Since when what is short was so, as it was put away. */
  const [seenShort, setSeenShort] = useState<{ memory?: number; disk?: number }>({});
  // A try to come back may take long itself; before the first welcome nothing was there to lose.
  if (connection.kind === 'waiting' || (connection.kind === 'connecting' && welcome !== null)) {
    return (
      <Banner icon={<CloudOff aria-hidden />} testId="banner-offline">
        {navigator.onLine ? 'The connection is away; trying again.' : 'This computer is offline.'} Programs in the sandbox go on
        {clock?.running ? ', and so does the clock' : ''}. Nothing is lost; typing works again when the connection is back.
      </Banner>
    );
  }
  // Before the start, after the end and while it hibernates no sandbox is meant to be there.
  const sandboxMeant = clock?.state === 'running' || (clock?.state === 'paused' && clock.wakesAtMs == null);
  if (connection.kind === 'open' && sandbox === 'away' && sandboxMeant) {
    return <SandboxAway />;
  }
  if (connection.kind === 'open' && recordingStalled) {
    return (
      <Banner icon={<DatabaseZap aria-hidden />} testId="banner-recording">
        The recording cannot be stored at the moment.{' '}
        {inputFull ? 'No more input is taken until it can.' : 'You can go on for a while; if it lasts, input is refused until it can.'}
      </Banner>
    );
  }
  if (clock?.rollback !== undefined && clock.rollback.n !== seenRollback && (clock.state === 'running' || clock.state === 'paused')) {
    const { n, toElapsedMs, reason } = clock.rollback;
    return (
      <Banner icon={<History aria-hidden />} testId="banner-rollback" onUnderstood={() => setSeenRollback(n)}>
        Your clock was set back to {formatSpan(toElapsedMs)}: {reason}.
      </Banner>
    );
  }
  if (clock?.staff !== undefined && clock.staff.n !== seenStaff && clock.state === 'running') {
    const { staff } = clock;
    return (
      <Banner icon={<Timer aria-hidden />} testId="banner-staff" onUnderstood={() => setSeenStaff(staff.n)}>
        {staffWords(staff)}
      </Banner>
    );
  }
  const short = resources?.warnings.find(({ kind, sinceMs }) => seenShort[kind] !== sinceMs);
  if (short !== undefined && clock?.state === 'running') {
    const { kind, text, sinceMs } = short;
    return (
      <Banner
        icon={kind === 'memory' ? <MemoryStick aria-hidden /> : <HardDrive aria-hidden />}
        testId={`banner-${kind}`}
        onUnderstood={() => setSeenShort({ ...seenShort, [kind]: sinceMs })}
      >
        {text}
      </Banner>
    );
  }
  if (outputLimited && sandboxMeant && !seenOutputLimit) {
    return (
      <Banner icon={<Gauge aria-hidden />} testId="banner-output" onUnderstood={() => setSeenOutputLimit(true)}>
        After {formatBytes(OUTPUT_FREE_BYTES)} of output terminals take {formatBytes(OUTPUT_SLOW_BYTES_PER_SECOND)}/s, and programs wait:
        write to files. The clock goes on.
      </Banner>
    );
  }
  return otherwise;
}

/** The sandbox does not answer: for whom one waits, or what is made, where that is known. */
function SandboxAway() {
  const { attemptId } = useSession();
  const { data } = useQuery({
    queryKey: ['attempt.progress', attemptId],
    queryFn: () => rpc.attempt.progress.query({ attemptId }),
    refetchInterval: PROGRESS_POLL_MS,
  });
  const what = (data?.queue?.waitReason ?? data?.progress ?? '').replace(/\.$/, '');
  return (
    <Banner icon={<ServerOff aria-hidden />} testId="banner-sandbox">
      {what === ''
        ? 'The sandbox does not answer at the moment. It is being reached again; time lost to an outage is given back.'
        : `Your sandbox is not there now. ${what}. The time until it is there is given back.`}
    </Banner>
  );
}

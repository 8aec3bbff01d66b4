'use client';
import { Button, formatSpan, Spinner } from '@plumbline/ui';
import { CircleCheck, CirclePause } from 'lucide-react';
import type { ReactNode } from 'react';
import type { OpenFiles } from '../model/openFiles.ts';
import { staffWords } from '../model/staffWords.ts';
import { someOf } from '../model/timeWarnings.ts';
import { ClockAct, ClockStands, useClockAct } from './PausedClock.tsx';
import { StaffMessages } from './StaffMessages.tsx';
import { useSession, useSessionState, useTick } from './useAttemptSession.ts';
import { useStore } from './useStore.ts';

export function Centre({ icon, title, children, testId }: { icon?: ReactNode; title: string; children: ReactNode; testId: string }) {
  return (
    <div className="flex h-full flex-col items-center justify-center-safe gap-4 overflow-auto p-8 text-center" data-testid={testId}>
      <div className="[&_svg]:size-10 [&_svg]:text-muted">{icon}</div>
      <h1 className="text-lg font-semibold">{title}</h1>
      <div className="max-w-prose space-y-4 text-sm text-muted">{children}</div>
    </div>
  );
}

/** While paused nothing of the task is on the screen; resuming is one deliberate click. */
export function PausedScreen() {
  const session = useSession();
  const { clock } = useSessionState();
  const act = useClockAct();
  useTick(1000);
  if (clock?.staffPause !== undefined) {
    const { staff, staffPause } = clock;
    return (
      <Centre icon={<CirclePause aria-hidden />} title="Staff paused your attempt" testId="paused-screen">
        <p className="text-foreground">{staffWords({ kind: 'paused', ...staffPause })}</p>
        {staff?.kind === 'adjusted' ? <p className="text-foreground">{staffWords(staff)}</p> : null}
        <ClockStands>
          Your programs are frozen; instructions and files are hidden. Staff resume it, and it uses none of your pauses. Keep this page
          open, or come back to it: the clock goes on when they do.
        </ClockStands>
        <MessagesInAPause />
      </Centre>
    );
  }
  return (
    <Centre icon={<CirclePause aria-hidden />} title="Paused" testId="paused-screen">
      <ClockStands>
        Your programs are frozen; instructions and files are hidden. Nothing resumes by itself when you reload or open another tab.
      </ClockStands>
      {clock ? (
        <p>
          {clock.pausesLeft} {clock.pausesLeft === 1 ? 'pause' : 'pauses'} and{' '}
          {formatSpan(Math.floor(session.clock.pauseLeftMs() / 60_000) * 60_000)} of pause are left. When a pause reaches its limit, the
          attempt goes on.
        </p>
      ) : null}
      <ClockAct act="resume" label="Resume the clock" of={act} />
      <MessagesInAPause />
    </Centre>
  );
}

/** Who stopped because something is broken waits for the answer here, where the panels are hidden. */
export function MessagesInAPause() {
  return (
    <section
      aria-label="Messages between you and the staff"
      className="mx-auto w-md max-w-full space-y-3 border-t border-border pt-4 text-left"
    >
      <StaffMessages label="Write to the staff" placeholder="Write to the staff, who see it at once. The clock stands still meanwhile." />
    </section>
  );
}

/** The attempt is over: what happens now, and where the result will be. */
export function EndScreen({ attemptId, state, files }: { attemptId: string; state: string; files: OpenFiles | null }) {
  const finalising = state === 'finalising';
  const { clock } = useSessionState();
  return (
    <Centre icon={<CircleCheck aria-hidden />} title={finalising ? 'The attempt has ended' : 'The attempt is complete'} testId="end-screen">
      {clock?.staff?.kind === 'stopped' ? <p className="text-foreground">{staffWords(clock.staff)}</p> : null}
      {finalising ? (
        <>
          <p>
            Your programs were stopped and the workspace was kept. The final state is being scored and the recording sealed. You can close
            this page; it goes on without you.
          </p>
          <p>
            <Spinner label="Scoring the final state" />
          </p>
        </>
      ) : (
        <p>The final state was scored, and the recording is sealed.</p>
      )}
      {files ? <NotSaved files={files} /> : null}
      <Button asChild variant="primary" size="lg">
        <a href={`/attempts/${encodeURIComponent(attemptId)}`} data-testid="result-link">
          {finalising ? 'Go to the attempt' : 'See the result'}
        </a>
      </Button>
    </Centre>
  );
}

/** What the final state lacks, since it stood in the editor alone. */
function NotSaved({ files }: { files: OpenFiles }) {
  useStore(files.store);
  const { unsaved } = files;
  return unsaved.length === 0 ? null : (
    <p role="status" className="rounded-md bg-warning-soft px-3 py-2" data-testid="not-saved-at-end">
      Not saved, and so not part of the final state: {someOf(unsaved)}
    </p>
  );
}

/** The link is closed for good: why, and what can be done. */
export function ClosedScreen({ reason }: { reason: string }) {
  return (
    <Centre title="This page is no longer connected" testId="closed-screen">
      <p>{reason}</p>
      <div className="flex justify-center gap-2">
        <Button variant="primary" onClick={() => location.reload()}>
          Reload
        </Button>
        <Button asChild>
          <a href="/">Home</a>
        </Button>
      </div>
    </Centre>
  );
}

const WAITING_WORDS: Record<string, string> = {
  scheduled: 'This attempt has not been prepared yet.',
  provisioning: 'The sandbox is being prepared.',
  ready: 'The sandbox is ready. The clock starts on the attempt’s page.',
  void: 'This attempt was ended by a fault of the platform. It does not count.',
  withdrawn: 'You withdrew from this attempt.',
};

/** The workspace was opened in a state in which there is nothing to work on. */
export function NotRunningScreen({ attemptId, state }: { attemptId: string; state: string }) {
  return (
    <Centre title="The clock is not running" testId="not-running-screen">
      <p>{WAITING_WORDS[state] ?? 'This attempt cannot be worked on now.'}</p>
      <Button asChild variant="primary">
        <a href={`/attempts/${encodeURIComponent(attemptId)}`}>Go to the attempt</a>
      </Button>
    </Centre>
  );
}

'use client';
import {
  Alert,
  Button,
  Card,
  CardBody,
  CardHeader,
  ConfirmDialog,
  Facts,
  formatMoney,
  formatSpan,
  Page,
  PageHeader,
  Progress,
  Time,
} from '@plumbline/ui';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useRouter } from 'next/navigation';
import { useEffect, useState } from 'react';
import { AgreementCard } from '@/features/agreement/components/AgreementCard.tsx';
import type { AgreementView } from '@/features/agreement/model/words.ts';
import { rpc } from '@/features/rpc/client.ts';
import { SetupCard } from '@/features/setup/components/SetupCard.tsx';
import type { AttemptDetail } from '../model/attemptDetail.ts';
import { firstProgress } from '../model/firstProgress.ts';
import { STATES_BEFORE_THE_END } from '../model/states.ts';
import { AI_LEVEL_WORDS, NETWORK_WORDS } from '../model/words.ts';
import { BuildLines } from './BuildLog.tsx';
import { WithdrawButton } from './CloseAttempt.tsx';
import { QueuePlace } from './QueuePlace.tsx';
import { StateBadge } from './StateBadge.tsx';
import { SystemCheck } from './SystemCheck.tsx';

const POLL_MS = 1_000;

/** Before the clock: the rules, the check of this machine, the sandbox, and the button that starts it all. */
export function Lobby({ attempt, agreement }: { attempt: AttemptDetail; agreement: AgreementView }) {
  const { rules, environment, attemptId } = attempt;
  const queryClient = useQueryClient();
  const agreementKey = ['agreement.ofAttempt', attemptId];
  const { data: asked } = useQuery({
    queryKey: agreementKey,
    queryFn: () => rpc.agreement.ofAttempt.query({ attemptId }),
    initialData: agreement,
  });
  const askAnew = () => queryClient.invalidateQueries({ queryKey: agreementKey });
  return (
    <Page width="narrow">
      <PageHeader title={attempt.title} description={attempt.study} />
      {attempt.startedAt === null ? <AgreementCard attemptId={attemptId} agreement={asked} onAnswered={askAnew} /> : null}
      <StartPanel attempt={attempt} isAgreed={asked.hold === null} onRefused={askAnew} />
      <Card>
        <CardHeader title="The rules of this attempt" />
        <CardBody className="space-y-4">
          <Facts
            items={[
              { term: 'Time limit', value: formatSpan(rules.limitMs) },
              { term: 'Pay', value: rules.payCents === null ? 'Not set' : formatMoney(rules.payCents, rules.currency) },
              { term: 'Score', value: environment.direction === 'lower' ? 'Lower is better' : 'Higher is better' },
              { term: 'What counts', value: environment.aggregation === 'best' ? 'Your best score' : 'Your last score' },
            ]}
          />
          <ul className="list-disc space-y-1 pl-5 text-sm">
            <li>AI tools: {AI_LEVEL_WORDS[rules.aiToolLevel] ?? rules.aiToolLevel}</li>
            <li>
              You may pause up to {rules.maxPauses} times, each for at most {formatSpan(rules.maxPauseMs)} and{' '}
              {formatSpan(rules.maxPauseTotalMs)} in all. A pause stops every process in your sandbox and hides your files.
            </li>
            <li>
              {attempt.scoresVisible ? 'You see each score when the scorer has finished.' : 'Scores are recorded and not shown to you.'}
            </li>
            {environment.whileScoring.participant === 'frozen' ? (
              <li>
                While the scorer runs your sandbox stands still
                {environment.whileScoring.clock === 'stopped' ? ', and so does the clock' : '; the clock goes on'}.
              </li>
            ) : null}
            <li>Terminals, edits, pastes and scores are recorded from the first moment on. Do not type secrets that you use elsewhere.</li>
            <li>Closing the browser does not stop the clock. Time that the platform loses is given back.</li>
          </ul>
          {rules.onboarding ? <p className="text-sm whitespace-pre-line">{rules.onboarding}</p> : null}
        </CardBody>
      </Card>
      <SetupCard
        hasStarted={attempt.startedAt !== null}
        onSaved={() => void queryClient.invalidateQueries({ queryKey: ['attempt.progress', attemptId] })}
      />
      <SystemCheck key={attemptId} />
      {attempt.may.withdraw ? (
        <Card>
          <CardHeader
            title="Withdrawing"
            description="You may leave this attempt at any time before its end, without giving a reason. It then has no result."
            actions={<WithdrawButton attemptId={attemptId} />}
          />
        </Card>
      ) : null}
    </Page>
  );
}

function StartPanel({ attempt, isAgreed, onRefused }: { attempt: AttemptDetail; isAgreed: boolean; onRefused: () => Promise<unknown> }) {
  const { attemptId, rules } = attempt;
  const router = useRouter();
  const queryClient = useQueryClient();
  const [confirming, setConfirming] = useState(false);
  const progressKey = ['attempt.progress', attemptId];
  const { data, error: pollError } = useQuery({
    queryKey: progressKey,
    queryFn: () => rpc.attempt.progress.query({ attemptId }),
    initialData: firstProgress(attempt),
    refetchInterval: ({ state: { data: now } }) =>
      now?.state === 'provisioning' || now?.setup?.state === 'on_its_way' ? POLL_MS : 5 * POLL_MS,
  });
  const prepare = useMutation({
    mutationFn: () => rpc.attempt.prepare.mutate({ attemptId }),
    onError: onRefused,
    onSettled: () => queryClient.invalidateQueries({ queryKey: progressKey }),
  });
  const { state } = data;
  const isOver = !STATES_BEFORE_THE_END.has(state);
  // Made void, left in another tab, or at its end: the page of what became of it takes this one's place.
  useEffect(() => {
    if (isOver) router.refresh();
  }, [isOver, router]);
  const notReady = state === 'scheduled' && data.progress !== null && data.progress !== '';

  async function start() {
    try {
      await rpc.attempt.start.mutate({ attemptId });
    } catch (error) {
      await onRefused();
      throw error;
    }
    router.push(`/attempts/${attemptId}/work`);
  }

  return (
    <Card>
      <CardHeader title="Your sandbox" actions={<StateBadge state={state} />} />
      {/* The height of the longest of the usual texts: what stands below does not move from state to state. */}
      <CardBody className="min-h-36 space-y-4">
        {state === 'scheduled' ? (
          <>
            {notReady ? (
              <Alert tone="warning" title="Your sandbox is not ready.">
                <p>{data.progress}</p>
                <p className="mt-1">
                  Your clock has not started and no time is lost. You can prepare it again; if that fails too, tell the staff.
                </p>
              </Alert>
            ) : (
              <p>
                Preparing makes a fresh machine for you, which takes from a few seconds to some minutes. It does not start the clock, and
                nothing of the task is shown yet.
              </p>
            )}
            {attempt.window.isOpen ? null : <ClosedWindow window={attempt.window} />}
            {isAgreed ? null : <p className="text-sm text-muted">Answer the agreement above first.</p>}
            <Button
              variant="primary"
              size="lg"
              disabled={!attempt.window.isOpen || !isAgreed}
              busy={prepare.isPending && 'Asking for a sandbox…'}
              onClick={() => prepare.mutate()}
            >
              {notReady ? 'Prepare again' : 'Prepare the sandbox'}
            </Button>
          </>
        ) : null}
        {state === 'provisioning' && data.queue !== null ? (
          <QueuePlace attemptId={attemptId} queue={data.queue} onLeft={() => queryClient.invalidateQueries({ queryKey: progressKey })} />
        ) : null}
        {state === 'provisioning' && data.queue === null ? (
          <>
            <Progress value={data.progressFraction} label={data.progress || 'Preparing the sandbox'} />
            {data.buildLines.length > 0 ? <BuildLines label="What the build printed last" lines={data.buildLines} /> : null}
          </>
        ) : null}
        {state === 'ready' ? (
          <>
            <p>
              The sandbox is ready. When you start the clock, the task and its files open, and you have {formatSpan(rules.limitMs)} of
              working time, reading included. {NETWORK_WORDS[data.network ?? '']} A sandbox that is not started within 30 minutes is given
              back; you can then prepare it again.
            </p>
            {data.setup?.state === 'failed' ? (
              <Alert tone="warning" title="Your dotfiles could not be laid in this sandbox.">
                {data.setup.problem} You can start without them, or change them below, and they are laid again.
              </Alert>
            ) : null}
            <Button
              variant="primary"
              size="lg"
              disabled={!isAgreed}
              busy={data.setup?.state === 'on_its_way' && 'Laying your dotfiles…'}
              onClick={() => setConfirming(true)}
            >
              Start the clock
            </Button>
          </>
        ) : null}
        {state === 'running' || state === 'paused' ? (
          <Button variant="primary" size="lg" onClick={() => router.push(`/attempts/${attemptId}/work`)}>
            Open the workspace
          </Button>
        ) : null}
        {isOver ? <p>This attempt is over. What became of it is shown in a moment.</p> : null}
        {prepare.error ? <Alert tone="danger">{prepare.error.message}</Alert> : null}
        {pollError ? (
          <Alert tone="warning">The platform does not answer at the moment. This page goes on by itself when it does.</Alert>
        ) : null}
      </CardBody>
      <ConfirmDialog
        open={confirming}
        onOpenChange={setConfirming}
        title="Start the clock?"
        description={`From now on every minute counts towards your ${formatSpan(rules.limitMs)}, until you pause, submit or the time is up. This cannot be undone, and an attempt is made once.`}
        confirmLabel="Start the clock"
        busyLabel="Starting…"
        cancelLabel="Not yet"
        onConfirm={start}
      />
    </Card>
  );
}

function ClosedWindow({ window }: { window: AttemptDetail['window'] }) {
  return (
    <Alert tone="warning" title="This assignment is not open now.">
      {window.opensAt ? (
        <p>
          It opens on <Time at={window.opensAt} />.
        </p>
      ) : null}
      {window.closesAt ? (
        <p>
          It closes on <Time at={window.closesAt} />.
        </p>
      ) : null}
    </Alert>
  );
}

import {
  Alert,
  Button,
  Card,
  CardBody,
  CardHeader,
  Facts,
  formatDuration,
  formatMoney,
  formatNormalised,
  formatScore,
  Page,
  PageHeader,
  Time,
} from '@plumbline/ui';
import { Eye, Play } from 'lucide-react';
import Link from 'next/link';
import { ConsentsCard } from '@/features/agreement/components/ConsentsCard.tsx';
import type { AgreementView } from '@/features/agreement/model/words.ts';
import { type SetupOfAttempt, SetupView } from '@/features/setup/components/SetupView.tsx';
import type { AttemptDetail } from '../model/attemptDetail.ts';
import { cleanWords, END_REASON_WORDS } from '../model/words.ts';
import { BuildLog } from './BuildLog.tsx';
import { ClockEvents } from './ClockEvents.tsx';
import { VoidButton } from './CloseAttempt.tsx';
import { ReviewCard } from './ReviewCard.tsx';
import { ScoreAgainButton } from './ScoreAgainButton.tsx';
import { ScoresTable } from './ScoresTable.tsx';
import { StaffClockButton } from './StaffClock.tsx';
import { StateBadge } from './StateBadge.tsx';
import { SurveyCard } from './SurveyCard.tsx';
import { SurveyForm } from './SurveyForm.tsx';
import { WorkspaceCard } from './WorkspaceCard.tsx';

/** For staff: why a sandbox could not be made, what the end of an attempt waits for, or what it went on without. */
function ProgressForStaff({ state, progress }: { state: AttemptDetail['state']; progress: string }) {
  if (state === 'scheduled')
    return (
      <Alert tone="warning" title="The sandbox could not be prepared.">
        {progress}
      </Alert>
    );
  if (state === 'finalising') return <Alert title="This attempt is being finished.">{progress}</Alert>;
  if (state !== 'completed') return null;
  return (
    <Alert tone="warning" title="This attempt could not be ended properly.">
      {progress}
    </Alert>
  );
}

/** An attempt after its end, or, for staff, at any time: figures, scores and what happened to the clock. */
export function ResultPage({
  attempt,
  agreement,
  setup,
}: {
  attempt: AttemptDetail;
  agreement: AgreementView;
  setup: SetupOfAttempt | null;
}) {
  const { clock, result, environment, rules } = attempt;
  const ended = attempt.endedAt !== null;
  return (
    <Page>
      <PageHeader
        title={attempt.title}
        description={
          <span className="flex flex-wrap items-center gap-2">
            <StateBadge state={attempt.state} />
            <span>
              {attempt.study} · {attempt.isOwn ? 'your attempt' : attempt.participant}
            </span>
          </span>
        }
        actions={
          <>
            <StaffClockButton attemptId={attempt.attemptId} acts={attempt.may.clock} />
            {attempt.may.void ? <VoidButton attemptId={attempt.attemptId} /> : null}
            {attempt.may.watch && !ended && attempt.startedAt ? (
              <Button asChild>
                <Link href={`/attempts/${attempt.attemptId}/watch`}>
                  <Eye />
                  Watch
                </Link>
              </Button>
            ) : null}
            {attempt.may.replay ? (
              <Button asChild variant="primary">
                <Link href={`/attempts/${attempt.attemptId}/replay`}>
                  <Play />
                  Replay
                </Link>
              </Button>
            ) : null}
          </>
        }
      />
      {attempt.isOwn && attempt.state === 'completed' ? (
        <Alert tone="success" title="This attempt is complete.">
          Your work was captured and scored once more in a clean sandbox, and the recording is sealed. All that is left are the questions
          below.
        </Alert>
      ) : null}
      {attempt.isOwn && attempt.startedAt !== null && (attempt.completedAt !== null || attempt.state === 'void') ? (
        <SurveyForm attemptId={attempt.attemptId} answers={attempt.survey} />
      ) : null}
      {attempt.state === 'withdrawn' ? (
        <Alert title={attempt.isOwn ? 'You withdrew from this attempt.' : 'The participant withdrew from this attempt.'}>
          {attempt.progress}
        </Alert>
      ) : null}
      {attempt.state === 'void' ? (
        <Alert tone="warning" title="This attempt does not count.">
          It was made void because of a fault that was not the participant&apos;s. {attempt.progress}
        </Alert>
      ) : null}
      {attempt.review && attempt.progress ? <ProgressForStaff state={attempt.state} progress={attempt.progress} /> : null}
      <Card>
        <CardHeader title="Result" />
        <CardBody>
          <Facts
            items={[
              { term: 'Ended by', value: attempt.endReason ? (END_REASON_WORDS[attempt.endReason] ?? attempt.endReason) : '–' },
              { term: 'Ended', value: attempt.endedAt ? <Time at={attempt.endedAt} /> : '–' },
              { term: 'Time on the clock', value: `${formatDuration(clock.elapsedMs)} of ${formatDuration(clock.limitMs)}` },
              { term: 'Time as it ran', value: formatDuration(attempt.asRunMs) },
              ...(attempt.isOwn
                ? [{ term: 'Agreed pay', value: rules.payCents === null ? 'Not set' : formatMoney(rules.payCents, rules.currency) }]
                : []),
              ...(result
                ? [
                    { term: 'Score that counts', value: result.result.raw === null ? 'No valid score' : formatScore(result.result.raw) },
                    { term: 'Normalised', value: formatNormalised(result.result.value) },
                    { term: environment.aggregation === 'best' ? 'Best logged' : 'Last logged', value: formatScore(result.logged.raw) },
                    { term: 'Clean re-scores', value: result.clean ? cleanWords(result.clean) : '–' },
                  ]
                : []),
            ]}
          />
          {result?.scale.note ? <p className="mt-3 text-sm text-muted">{result.scale.note}</p> : null}
        </CardBody>
      </Card>
      {ended && attempt.startedAt !== null ? (
        <ConsentsCard attemptId={attempt.attemptId} agreement={agreement} isOwn={attempt.isOwn} />
      ) : null}
      {attempt.isOwn || attempt.survey === null ? null : <SurveyCard answers={attempt.survey} />}
      {attempt.review ? (
        <ReviewCard
          {...attempt.review}
          disagrees={result?.clean?.disagrees ?? false}
          scoreAgain={attempt.may.scoreAgain ? <ScoreAgainButton attemptId={attempt.attemptId} /> : null}
        />
      ) : null}
      <Card>
        <CardHeader
          title="Scores"
          description={
            attempt.scoresVisible
              ? `${environment.direction === 'lower' ? 'Lower is better' : 'Higher is better'}${environment.scale ? `; normalised, the starting solution (${formatScore(environment.scale.startingScore)}) is 0 and the reference (${formatScore(environment.scale.referenceScore)}) is 1` : ''}.`
              : 'Scores of this attempt are recorded and not shown to you.'
          }
        />
        <ScoresTable
          scores={attempt.scores}
          visible={attempt.scoresVisible}
          unit={environment.scoreUnit}
          countsScoreId={result?.countsScoreId ?? null}
        />
      </Card>
      {attempt.review ? <BuildLog attemptId={attempt.attemptId} state={attempt.state} /> : null}
      {attempt.workspace ? (
        <WorkspaceCard attemptId={attempt.attemptId} workspace={attempt.workspace} mayEndReview={attempt.may.endReview} />
      ) : null}
      {setup ? <SetupView setup={setup} /> : null}
      <Card>
        <CardHeader title="Clock" description="Each event as it was recorded, with the time on the clock after it." />
        {attempt.events.length > 0 ? (
          <ClockEvents events={attempt.events} limitMs={clock.limitMs} />
        ) : (
          <p className="px-4 py-6 text-sm text-muted">The clock was not started.</p>
        )}
      </Card>
    </Page>
  );
}

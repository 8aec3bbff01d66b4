import { Alert, Card, CardBody, CardHeader } from '@plumbline/ui';
import type { ReactNode } from 'react';
import type { AttemptDetail } from '../model/attemptDetail.ts';

interface ReviewCardProps extends NonNullable<AttemptDetail['review']> {
  disagrees: boolean;
  /** Asks for the scores that are missing; null for who may not. */
  scoreAgain: ReactNode;
}

/** For staff alone: what the platform noticed, and what only a person can judge. */
export function ReviewCard(props: ReviewCardProps) {
  const { checklist, instructions, changedWhileScored, plainlyConfined, missingScores, disagrees, scoreAgain } = props;
  const noticed = changedWhileScored.length > 0 || plainlyConfined.length > 0 || missingScores.length > 0 || disagrees;
  if (checklist.length === 0 && instructions === null && !noticed) return null;
  return (
    <Card>
      <CardHeader title="Before this result counts" description="Look for these in the recording and in the submission." />
      <CardBody>
        <div className="space-y-3">
          {disagrees ? (
            <Alert tone="warning" title="The clean re-scores do not bear out the logged score.">
              Look at what the submission finds in the workspace that a fresh one does not have, and at the noise of the scorer.
            </Alert>
          ) : null}
          {changedWhileScored.length > 0 ? (
            <Alert tone="warning" title={`The submission changed while it was scored: score ${changedWhileScored.join(', ')}.`}>
              What was scored may not be what was captured.
            </Alert>
          ) : null}
          {plainlyConfined.length > 0 ? (
            <Alert tone="warning" title={`The scorer ran the submission beside itself: score ${plainlyConfined.join(', ')}.`}>
              Its code was kept from the answers and the scorer’s files by its user alone. It could write to the workspace, and use the
              network where the task has one: look there for what it was shown of the held-out data.
            </Alert>
          ) : null}
          {missingScores.map((sentence) => (
            <Alert key={sentence} tone="warning" title="A score is missing.">
              {sentence}
            </Alert>
          ))}
          {missingScores.length > 0 ? scoreAgain : null}
          {instructions === null ? null : (
            <div className="space-y-1 text-sm">
              <h3 className="font-medium">How this task is scored by hand</h3>
              <p className="whitespace-pre-wrap">{instructions}</p>
            </div>
          )}
          {checklist.length > 0 ? (
            <ul className="list-disc space-y-1 pl-5 text-sm">
              {checklist.map((line) => (
                <li key={line}>{line}</li>
              ))}
            </ul>
          ) : null}
        </div>
      </CardBody>
    </Card>
  );
}

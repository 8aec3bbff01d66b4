'use client';
import { Alert, Button, Card, CardBody, CardHeader, Time } from '@plumbline/ui';
import { useState } from 'react';
import type { AgreementView } from '../model/words.ts';
import { AgreementText } from './AgreementText.tsx';
import { ConsentForm } from './ConsentForm.tsx';

/** Before the clock: the agreement and its questions, open until they are answered so that the attempt may begin. */
export function AgreementCard({
  attemptId,
  agreement: { version, answers, hold },
  onAnswered,
}: {
  attemptId: string;
  agreement: AgreementView;
  /** What is asked, or was answered, is another now. */
  onAnswered: () => unknown;
}) {
  const [reading, setReading] = useState(false);
  const [firstVersionId] = useState(version?.versionId);
  if (version === null) return null;
  const isOpen = hold !== null || reading;
  return (
    <Card data-testid="agreement">
      <CardHeader
        title="The agreement"
        description={
          <span role="status">
            {hold === null && answers !== null ? (
              <>
                You answered version {answers.versionN} on <Time at={answers.at} />, and can change your answers here until the clock
                starts.
              </>
            ) : (
              'Read it and answer each question: then your sandbox can be prepared.'
            )}
          </span>
        }
        actions={hold === null ? <Button onClick={() => setReading(!reading)}>{reading ? 'Close' : 'Read or change'}</Button> : null}
      />
      {isOpen ? (
        <CardBody className="space-y-4">
          {hold === 'outdated' || version.versionId !== firstVersionId ? (
            <Alert tone="warning" title="The agreement has a new text.">
              What you read before was another one. Your clock has not started, and no time is lost.
            </Alert>
          ) : null}
          <AgreementText {...version} />
          <ConsentForm
            key={`${version.versionId} ${answers?.at.toISOString()}`}
            attemptId={attemptId}
            version={version}
            given={hold === null || hold === 'refused' ? (answers?.consents ?? null) : null}
            hasStarted={false}
            submitLabel="Keep my answers"
            onAnswered={() => {
              setReading(false);
              return onAnswered();
            }}
            onRefused={onAnswered}
          />
          <p className="text-xs text-muted">
            What is free you can change after the attempt too, until <Time at={version.withdrawUntil} />. Questions go to {version.contact}.
          </p>
        </CardBody>
      ) : null}
    </Card>
  );
}

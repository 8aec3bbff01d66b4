'use client';
import { CONSENTS, type Consents } from '@plumbline/core';
import { Alert, Badge, Card, CardBody, CardHeader, Time } from '@plumbline/ui';
import { useRouter } from 'next/navigation';
import { type AgreementView, CONSENT_WORDS } from '../model/words.ts';
import { AgreementText } from './AgreementText.tsx';
import { ConsentForm } from './ConsentForm.tsx';

/** After the clock: what was agreed to. Its participant confirms or changes it until the agreement's day; others read it. */
export function ConsentsCard({
  attemptId,
  agreement: { version, answers },
  isOwn,
}: {
  attemptId: string;
  agreement: AgreementView;
  isOwn: boolean;
}) {
  const router = useRouter();
  if (version === null) return null;
  const isAsked = isOwn && version.isOpen;
  return (
    <Card data-testid="consents">
      <CardHeader
        title={isOwn ? 'What you agree to' : 'What the participant agrees to'}
        description={
          answers === null ? (
            'Nothing was answered yet: no release has this attempt before that.'
          ) : (
            <>
              Version {answers.versionN} of the agreement, {answers.isConfirmed ? 'confirmed after the end' : 'answered before the end'}:{' '}
              <Time at={answers.at} />. To be changed until <Time at={version.withdrawUntil} />.
            </>
          )
        }
      />
      <CardBody className="space-y-4">
        {isAsked ? (
          <>
            {answers?.isConfirmed ? (
              <Alert tone="success">Your answers are kept. You can still change them.</Alert>
            ) : (
              <p className="text-sm">
                Now that you know what the attempt holds: confirm your answers, or change them. What was released before a change stays
                released; releases after it follow your new answers. To have the recording erased, write to {version.contact}.
              </p>
            )}
            <ConsentForm
              key={answers?.at.toISOString() ?? ''}
              attemptId={attemptId}
              version={version}
              given={answers?.consents ?? null}
              hasStarted
              submitLabel={answers?.isConfirmed ? 'Keep these answers' : 'Confirm these answers'}
              onAnswered={() => router.refresh()}
            />
          </>
        ) : (
          <>
            {answers ? <ConsentList consents={answers.consents} /> : null}
            {isOwn ? <p className="text-sm text-muted">The day for changes is over. Questions go to {version.contact}.</p> : null}
          </>
        )}
        <details className="text-sm">
          <summary className="cursor-pointer text-muted">The text</summary>
          <div className="mt-2">
            <AgreementText {...version} />
          </div>
        </details>
      </CardBody>
    </Card>
  );
}

function ConsentList({ consents }: { consents: Consents }) {
  return (
    <ul className="flex flex-wrap gap-x-6 gap-y-2 text-sm">
      {CONSENTS.map((consent) => (
        <li key={consent} className="flex items-center gap-2">
          {CONSENT_WORDS[consent].name}
          <Badge tone={consents[consent] ? 'success' : 'neutral'}>{consents[consent] ? 'Yes' : 'No'}</Badge>
        </li>
      ))}
    </ul>
  );
}

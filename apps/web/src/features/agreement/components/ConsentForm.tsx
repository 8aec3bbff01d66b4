'use client';
import { CONSENTS, type Consent, type Consents, NEEDED_CONSENTS } from '@plumbline/core';
import { Alert, Badge, Button } from '@plumbline/ui';
import { useMutation } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { rpc } from '../../rpc/client.ts';
import { type AskedVersion, CONSENT_WORDS } from '../model/words.ts';

/**
 * The consents, a question each. Nothing is chosen at first but what is `given`; what an attempt was done under is not asked again after
 * its start.
 */
export function ConsentForm({
  attemptId,
  version,
  given,
  hasStarted,
  submitLabel,
  onAnswered,
  onRefused,
}: {
  attemptId: string;
  version: Pick<AskedVersion, 'versionId' | 'contact'>;
  given: Consents | null;
  hasStarted: boolean;
  submitLabel: string;
  onAnswered: () => unknown;
  /** The platform did not take the answers; its words are shown. */
  onRefused?: () => unknown;
}) {
  const isFixed = (consent: Consent) => hasStarted && given !== null && NEEDED_CONSENTS.includes(consent);
  const [refusesNeeded, setRefusesNeeded] = useState(given !== null && NEEDED_CONSENTS.some((consent) => !given[consent]));
  const send = useMutation({
    mutationFn: (consents: Consents) => rpc.agreement.answer.mutate({ attemptId, versionId: version.versionId, consents }),
    onSuccess: onAnswered,
    onError: onRefused,
  });

  // What the form holds is what was chosen, also before the browser had taken the page over.
  function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const fields = new FormData(event.currentTarget);
    send.mutate(Object.fromEntries(CONSENTS.map((consent) => [consent, isFixed(consent) || fields.get(consent) === 'yes'])) as Consents);
  }

  function look(event: FormEvent<HTMLFormElement>) {
    const fields = new FormData(event.currentTarget);
    setRefusesNeeded(NEEDED_CONSENTS.some((consent) => fields.get(consent) === 'no'));
    send.reset();
  }

  return (
    <form className="space-y-4" onSubmit={submit} onChange={look}>
      <div className="divide-y divide-border border-y border-border">
        {CONSENTS.map((consent) => (
          <Question key={consent} consent={consent} given={given?.[consent]} isFixed={isFixed(consent)} />
        ))}
      </div>
      {refusesNeeded && !hasStarted ? (
        <Alert tone="warning" title="Without recording and review this attempt cannot be done.">
          Nothing is lost by saying no: your clock has not started, the assignment stays on your home page, and you can change your answers
          here. If you have questions, or do not want to take part, write to {version.contact}.
        </Alert>
      ) : null}
      {send.error ? <Alert tone="danger">{send.error.message}</Alert> : null}
      <Button type="submit" variant="primary" busy={send.isPending && 'Keeping your answers…'}>
        {submitLabel}
      </Button>
    </form>
  );
}

function Question({ consent, given, isFixed }: { consent: Consent; given: boolean | undefined; isFixed: boolean }) {
  const { name, what } = CONSENT_WORDS[consent];
  return (
    <fieldset className="flex items-center justify-between gap-6 py-2">
      {/* Floating, a legend is laid out like any other child. */}
      <legend className="float-left min-w-0 flex-1 text-sm">
        <span className="flex items-center gap-2 font-medium">
          {name}
          {NEEDED_CONSENTS.includes(consent) ? <Badge tone="accent">Needed</Badge> : <Badge>Free</Badge>}
        </span>
        <span className="block text-xs text-muted">{what}</span>
      </legend>
      {isFixed ? (
        <span className="text-sm">Yes</span>
      ) : (
        <span className="flex shrink-0 gap-4">
          {([true, false] as const).map((answer) => (
            <label key={String(answer)} className="flex min-h-6 items-center gap-2 text-sm">
              <input
                type="radio"
                name={consent}
                value={answer ? 'yes' : 'no'}
                required
                className="size-4 accent-accent"
                defaultChecked={given === answer}
              />
              {answer ? 'Yes' : 'No'}
            </label>
          ))}
        </span>
      )}
    </fieldset>
  );
}

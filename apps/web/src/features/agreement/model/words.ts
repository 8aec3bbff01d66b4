import type { AppRouter } from '@plumbline/api';
import type { Consent } from '@plumbline/core';
import type { inferRouterOutputs } from '@trpc/server';

type Outputs = inferRouterOutputs<AppRouter>['agreement'];

/** What the participant of an attempt is asked to agree to, and what they answered. */
export type AgreementView = Outputs['ofAttempt'];
export type AskedVersion = NonNullable<AgreementView['version']>;
export type StudyAgreements = Outputs['list'][number];

/** Each consent by name and in a sentence. The study's own text says more, and is what counts. */
export const CONSENT_WORDS: Record<Consent, { name: string; what: string }> = {
  recording: { name: 'Recording', what: 'What you do in the workspace is recorded, as the help page lists it.' },
  internalReview: { name: 'Review by the staff', what: 'The staff of this study watch the attempt, replay it and judge it.' },
  gatedRelease: {
    name: 'Release behind terms',
    what: 'The attempt, its recording included, goes to researchers who accept terms of use; a pseudonym stands for your name.',
  },
  publicRelease: { name: 'Public release', what: 'The attempt may be published for everybody; a pseudonym stands for your name.' },
  aiTraining: { name: 'Training of AI', what: 'AI models may be trained on the attempt.' },
  quotation: { name: 'Quotation', what: 'What you wrote may be quoted, in a paper for example, without your name.' },
};

/** Enough of a SHA-256 to tell versions apart by eye. */
export function shortHash(hash: string): string {
  return hash.slice(0, 12);
}

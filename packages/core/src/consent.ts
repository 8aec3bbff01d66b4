import { AppError } from './errors.ts';

/**
 * What a participant agrees to, for one attempt. The study's agreement says it in words, in versions; the answers are given one by
 * one before a sandbox is prepared, and can be changed until the day that the agreement names.
 */

/** In the order in which they are asked. */
export const CONSENTS = ['recording', 'internalReview', 'gatedRelease', 'publicRelease', 'aiTraining', 'quotation'] as const;
export type Consent = (typeof CONSENTS)[number];
export type Consents = Record<Consent, boolean>;

/** Without these an attempt cannot be done; the others are free. */
export const NEEDED_CONSENTS: readonly Consent[] = ['recording', 'internalReview'];

/** A participant's newest answers for an attempt. */
export interface ConsentAnswers {
  versionId: string;
  consents: Consents;
}

/** Why an attempt does not begin: nothing was answered, a newer version of the text was not, or something needed was refused. */
export type AgreementHold = 'unanswered' | 'outdated' | 'refused';

/** What keeps an attempt from being prepared and started; null for nothing. `newestVersionId` is null where the study has no agreement. */
export function agreementHold(newestVersionId: string | null, answers: ConsentAnswers | null): AgreementHold | null {
  if (newestVersionId === null) return null;
  if (answers === null) return 'unanswered';
  if (answers.versionId !== newestVersionId) return 'outdated';
  return isEnoughToTakePart(answers.consents) ? null : 'refused';
}

/** Whether everything that an attempt needs is agreed to. */
export function isEnoughToTakePart(consents: Consents): boolean {
  return NEEDED_CONSENTS.every((consent) => consents[consent]);
}

/**
 * Whether answers may be given now. Before the clock starts they always may, a refusal included; afterwards until the agreement's day,
 * and what the attempt was done under stays given: the recording is there, and undoing that takes the staff.
 *
 * @param withdrawUntilMs until when the version that is answered lets answers be changed, in milliseconds since the epoch.
 * @throws AppError `conflict` after that day, `invalid_input` for a needed consent that is taken back.
 */
export function assertAnswerable(
  consents: Consents,
  { hasStarted, nowMs, withdrawUntilMs, contact }: { hasStarted: boolean; nowMs: number; withdrawUntilMs: number; contact: string },
): void {
  if (!hasStarted) return;
  if (nowMs >= withdrawUntilMs)
    throw new AppError(
      'conflict',
      `The day until which these answers could be changed is over; they stay as they are. Write to ${contact}.`,
    );
  if (!isEnoughToTakePart(consents))
    throw new AppError(
      'invalid_input',
      `This attempt was recorded, so recording and review cannot be taken back here. To have it erased, write to ${contact}.`,
    );
}

/** Why an attempt is left out of a release: its participant was never asked, or does not agree. */
export type ReleaseRefusal = 'unanswered' | 'refused';

/**
 * Why an attempt may not be in a release behind terms; null where it may. Nobody is held to an agreement where the study has none.
 *
 * @param consents the newest answers; null where none were given.
 */
export function gatedReleaseRefusal({
  hasAgreement,
  consents,
}: {
  hasAgreement: boolean;
  consents: Consents | null;
}): ReleaseRefusal | null {
  if (!hasAgreement) return null;
  if (consents === null) return 'unanswered';
  return consents.gatedRelease ? null : 'refused';
}

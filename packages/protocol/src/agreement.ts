import { z } from 'zod';
import { AGREEMENT_CONTACT_MAX, AGREEMENT_TEXT_MAX } from './limits.ts';

/** A participant's answers to an agreement, each given by itself. */
export const ConsentAnswers = z.object({
  recording: z.boolean(),
  internalReview: z.boolean(),
  gatedRelease: z.boolean(),
  publicRelease: z.boolean(),
  aiTraining: z.boolean(),
  quotation: z.boolean(),
});

/** A version of a study's agreement, as an admin writes it. */
export const AgreementText = z.object({
  /** Markdown. */
  text: z.string().trim().min(1, 'Write what participants agree to.').max(AGREEMENT_TEXT_MAX),
  /** Whom a participant writes to. */
  contact: z.string().trim().min(1, 'Write whom participants can write to.').max(AGREEMENT_CONTACT_MAX),
  /** Until then a participant may change the answers. */
  withdrawUntil: z.date(),
});
export type AgreementText = z.infer<typeof AgreementText>;

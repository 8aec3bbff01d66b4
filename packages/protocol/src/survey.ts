import { z } from 'zod';

/** The most minutes off the clock that one can answer: two weeks. */
export const OFF_CLOCK_MAX_MINUTES = 14 * 24 * 60;

/** The survey at the end of an attempt. */
export const SurveyAnswers = z.object({
  /** How the result compares with what was expected. */
  expectation: z.enum(['better', 'as_expected', 'worse', 'unsure']),
  /** From 1, very easy, to 5, very hard. */
  difficulty: z.int().min(1).max(5),
  /** What got in the way; may be empty. */
  problems: z.string().trim().max(10_000),
  /** Thinking about the task while the clock stood. */
  offClockMinutes: z.int().min(0).max(OFF_CLOCK_MAX_MINUTES),
});
export type SurveyAnswers = z.infer<typeof SurveyAnswers>;

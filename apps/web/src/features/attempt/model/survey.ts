import type { AttemptDetail } from './attemptDetail.ts';

/** The survey's questions and the words of its answers. */

export type SurveyView = NonNullable<AttemptDetail['survey']>;

export const EXPECTATIONS = [
  { value: 'better', words: 'Better than I expected' },
  { value: 'as_expected', words: 'About as I expected' },
  { value: 'worse', words: 'Worse than I expected' },
  { value: 'unsure', words: 'I cannot say' },
] as const;

export const DIFFICULTIES = ['Very easy', 'Easy', 'Medium', 'Hard', 'Very hard'] as const;

export const SURVEY_QUESTIONS = {
  expectation: 'Did the result match what you expected?',
  difficulty: 'How hard was the task for you?',
  offClock: 'Minutes that you thought about the task while the clock stood',
  problems: 'What got in the way?',
} as const;

/** A stored answer in words; one that this version does not know, as it is. */
export function expectationWords(value: string): string {
  return EXPECTATIONS.find((one) => one.value === value)?.words ?? value;
}

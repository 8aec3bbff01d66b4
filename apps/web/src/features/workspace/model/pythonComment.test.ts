import { expect, test } from 'vitest';
import { endsInComment } from './pythonComment.ts';

test('a comment begins at its sign, whatever stands in it, and not within a string', () => {
  for (const line of [
    '# Nothing else.',
    "    # don't.",
    'x = 1  # y.',
    `x = "a'"  # y.`,
    String.raw`x = 'it\'s'  # y.`,
    '"""One line."""  # y.',
  ]) {
    expect(endsInComment(line), line).toBe(true);
  }
  for (const line of ['', 'os.', "'#'.", `"it's #1".`, String.raw`'\'#'.`, '"""A # in a text.', "f('#', a."]) {
    expect(endsInComment(line), line).toBe(false);
  }
});

import { expect, test } from 'vitest';
import { plainlyConfined } from './attemptView.ts';

test('the scores whose code was kept from the scorer by its user alone are told apart, also where one of several runs was', () => {
  const details = [
    { confinement: 'bubblewrap' },
    { confinement: 'plain' },
    null,
    { rows: 5, solution: { seconds: 1, confinement: 'plain' }, original: { confinement: 'plain' } },
    { solution: { confinement: 'bubblewrap' } },
    ['plain'],
    'plain',
  ];
  expect(plainlyConfined(details.map((one, index) => ({ n: index + 1, details: one })))).toEqual([2, 4]);
});

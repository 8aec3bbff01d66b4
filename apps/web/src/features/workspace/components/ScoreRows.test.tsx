import { renderToStaticMarkup } from 'react-dom/server';
import { expect, it } from 'vitest';
import { ScoreRows } from './ScoreRows.tsx';

const row = { scoreId: 's', n: 1, trigger: 'participant', elapsedMs: 1_000, status: 'scored', score: 2, normalised: null, message: null };

it('a row is a button where it leads somewhere, and none where it does not', () => {
  const buttons = (onOpen?: () => void) =>
    renderToStaticMarkup(<ScoreRows rows={[row]} visible {...(onOpen === undefined ? {} : { onOpen })} />).match(/<button type="button"/g);
  expect(buttons(() => {})).toHaveLength(1);
  expect(buttons()).toBeNull();
});

import { normalise } from '@plumbline/core';
import { renderToStaticMarkup } from 'react-dom/server';
import { expect, it } from 'vitest';
import { rawEnds } from '../model/scoreScale.ts';
import { ScoreChart } from './ScoreChart.tsx';

/** Less is better: the start is at 200, the reference at 40. */
const scale = { startingScore: 200, referenceScore: 40 };
const point = (n: number, score: number) => ({ n, elapsedMs: n * 60_000, score, normalised: normalise(score, scale).value });
const linesOf = (points: ReturnType<typeof point>[]) =>
  renderToStaticMarkup(<ScoreChart points={points} toMs={600_000} />)
    .split('<figure>')
    .slice(1)
    .map((figure) => [...figure.matchAll(/>(start|reference)<\/text>/g)].map(([, label]) => label));

it('the raw scores’ chart has the lines of start and reference as well, wherever the scores tell where they are', () => {
  expect(rawEnds([point(1, 230), point(2, 180), point(3, 90)])).toEqual({ start: expect.closeTo(200), reference: expect.closeTo(40) });
  expect(linesOf([point(1, 230), point(2, 180), point(3, 90)])).toEqual([
    ['start', 'reference'],
    ['start', 'reference'],
  ]);
  expect(linesOf([point(1, 230), point(2, 180)])).toEqual([[], ['start', 'reference']]);
  expect(linesOf([{ ...point(1, 180), normalised: null }])).toEqual([[]]);
});

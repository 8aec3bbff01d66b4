import { normalise } from '@plumbline/core';
import { renderToStaticMarkup } from 'react-dom/server';
import { expect, it } from 'vitest';
import { ScoreChart } from './ScoreChart.tsx';

/** Less is better: the start is at 200, the reference at 40. */
const scale = { startingScore: 200, referenceScore: 40 };
const point = (n: number, score: number) => ({ n, elapsedMs: n * 60_000, score, normalised: normalise(score, scale).value });
const linesOf = (points: Parameters<typeof ScoreChart>[0]['points'], given: typeof scale | null = scale) =>
  renderToStaticMarkup(<ScoreChart points={points} toMs={600_000} scale={given} />)
    .split('<figure>')
    .slice(1)
    .map((figure) => [...figure.matchAll(/>(start|reference)<\/text>/g)].map(([, label]) => label));

it('the raw scores’ chart has the lines of start and reference as well, even of a single score below the start', () => {
  const both = ['start', 'reference'];
  expect(linesOf([point(1, 230), point(2, 180), point(3, 90)])).toEqual([both, both]);
  expect(linesOf([point(1, 230)])).toEqual([both, both]);
  expect(linesOf([{ ...point(1, 180), normalised: null }], null)).toEqual([[]]);
});

it('an axis names the least and the greatest value that stands in its chart', () => {
  const markup = renderToStaticMarkup(<ScoreChart points={[point(1, 230), point(2, 90)]} toMs={600_000} scale={scale} />);
  const labels = [...markup.matchAll(/text-anchor="end"[^>]*>([\d.]+)<\/text>/g)].map(([, label]) => label);
  expect(labels).toEqual(['40', '230', '0', '1']);
});

it('a starting solution’s score is a point beside the line of what was asked for', () => {
  const markup = renderToStaticMarkup(
    <ScoreChart points={[{ ...point(1, 200), eligible: false }, point(2, 90), point(3, 80)]} toMs={600_000} scale={scale} />,
  );
  expect([...markup.matchAll(/points="([^"]*)"/g)].map(([, points]) => points?.split(' ').length)).toEqual([2, 2]);
});

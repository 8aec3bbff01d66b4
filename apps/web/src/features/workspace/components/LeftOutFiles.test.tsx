import { renderToStaticMarkup } from 'react-dom/server';
import { expect, test } from 'vitest';
import { LeftOutFiles } from './LeftOutFiles.tsx';

const files = (count: number) => Array.from({ length: count }, (_, n) => ({ path: `data/${n}.bin`, reason: 'too large' }));
const shown = (count: number, canSplit: boolean) =>
  renderToStaticMarkup(<LeftOutFiles files={files(count)} canSplit={canSplit} />).replace(/<[^>]*>/g, '');

test('five files that no copy holds are named with why, the others are counted, and where there are none nothing is said', () => {
  expect(shown(7, false)).toMatch(/data\/0\.bin \(too large\).*data\/4\.bin \(too large\)2 more/);
  expect(shown(7, false)).not.toContain('data/5.bin');
  expect(shown(5, false)).not.toContain('more');
  expect(shown(0, true)).toBe('');
});

test('that one is asked before they are given up is said where something else than what programs make is among them', () => {
  expect(shown(1, false)).toContain('you choose: wait for it, or go on elsewhere');
  const made = renderToStaticMarkup(<LeftOutFiles files={[{ path: '.venv', reason: 'excluded by name' }]} />);
  expect(made).not.toContain('you choose');
});

test('that they can be split is said while they can be', () => {
  expect(shown(1, true)).toContain('split into smaller files');
  expect(shown(1, false)).not.toContain('split into smaller files');
});

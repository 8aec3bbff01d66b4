import { renderToStaticMarkup } from 'react-dom/server';
import { expect, it } from 'vitest';
import { ReviewCard } from './ReviewCard.tsx';

const NOTHING = { checklist: [], instructions: null, changedWhileScored: [], plainlyConfined: [], missingScores: [], scoreAgain: null };
const card = (changes: Partial<Parameters<typeof ReviewCard>[0]>) =>
  renderToStaticMarkup(<ReviewCard {...NOTHING} disagrees={false} {...changes} />);

it('a reviewer reads that the clean re-scores do not bear out the logged score, and nothing of it where they do', () => {
  expect(card({ disagrees: true })).toContain('The clean re-scores do not bear out the logged score.');
  expect(card({})).toBe('');
  expect(card({ checklist: ['a copied answer'] })).not.toContain('do not bear out');
});

it('what to look for stands in a list, and what the platform noticed before it', () => {
  const markup = card({ checklist: ['a copied answer', 'a patched timer'], changedWhileScored: [4], instructions: 'By hand.' });
  expect([...markup.matchAll(/<li>(.*?)<\/li>/g)].map(([, line]) => line)).toEqual(['a copied answer', 'a patched timer']);
  expect(markup.indexOf('changed while it was scored: score 4')).toBeGreaterThan(0);
  expect(markup.indexOf('changed while it was scored')).toBeLessThan(markup.indexOf('a copied answer'));
  expect(markup).toContain('By hand.');
});

it('a reviewer reads of which scores the submission’s code was kept from the scorer by its user alone', () => {
  expect(card({ plainlyConfined: [2, 3] })).toContain('The scorer ran the submission beside itself: score 2, 3.');
  expect(card({ checklist: ['a copied answer'] })).not.toContain('beside itself');
});

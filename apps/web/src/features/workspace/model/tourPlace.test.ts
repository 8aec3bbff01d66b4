import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Box, CARD, cardPlace } from './tourPlace.ts';

const PAGE = { width: 1280, height: 720 };
const RIGHT = { left: 960, top: 88, width: 320, height: 632 };

const overlaps = (card: { left: number; top: number }, box: Box) =>
  card.left < box.left + box.width &&
  card.left + CARD.width > box.left &&
  card.top < box.top + box.height &&
  card.top + CARD.height > box.top;

test('of a panel at a side of the page it speaks beside the panel, at the height of its tab', () => {
  const score = { left: 1040, top: 88, width: 42, height: 32 };
  expect(cardPlace(score, RIGHT, PAGE)).toEqual({ left: 632, top: 128 });
  const files = { left: 0, top: 88, width: 38, height: 32 };
  expect(cardPlace(files, { left: 0, top: 88, width: 218, height: 632 }, PAGE)).toEqual({ left: 226, top: 128 });
});

test('of a panel as wide as the page it speaks above the panel', () => {
  expect(cardPlace({ left: 40, top: 455, width: 60, height: 32 }, { left: 0, top: 455, width: 1280, height: 265 }, PAGE)).toEqual({
    left: 40,
    top: 247,
  });
});

test('of a button it speaks below the button, and of a part as high as the page on it', () => {
  expect(cardPlace({ left: 1091, top: 50, width: 76, height: 28 }, null, PAGE)).toEqual({ left: 952, top: 86 });
  expect(cardPlace({ left: 218, top: 88, width: 742, height: 632 }, null, PAGE)).toEqual({ left: 429, top: 136 });
});

test('the card is always within the page, and covers no panel that leaves it room at a side or above', () => {
  const group = fc
    .record({ left: fc.nat(1279), top: fc.integer({ min: 88, max: 719 }), width: fc.nat(1280), height: fc.nat(632) })
    .map((box) => ({ ...box, width: Math.min(box.width, 1280 - box.left), height: Math.min(box.height, 720 - box.top) }));
  fc.assert(
    fc.property(group, fc.nat(100), (box, shift) => {
      const tab = { left: box.left + Math.min(shift, box.width), top: box.top, width: 40, height: 32 };
      const card = cardPlace(tab, box, PAGE);
      expect(card.left).toBeGreaterThanOrEqual(8);
      expect(card.top).toBeGreaterThanOrEqual(8);
      expect(card.left + CARD.width).toBeLessThanOrEqual(PAGE.width - 8);
      expect(card.top + CARD.height).toBeLessThanOrEqual(PAGE.height - 8);
      const hasRoom = box.left >= CARD.width + 16 || box.left + box.width <= PAGE.width - CARD.width - 16 || box.top >= CARD.height + 16;
      if (hasRoom) expect(overlaps(card, box)).toBe(false);
    }),
  );
});

/** What joins characters of a cell or two each into one: a flag's letters, a colour of skin, a family, an accent with a width of its own. */
const JOINS = /[\p{M}\p{Regional_Indicator}\p{Emoji_Modifier}\u200d]/u;
/** What stands in the cell of the character before. */
const WITHOUT_CELL = /[\p{Mn}\p{Me}\p{Cf}]/u;

const characters = new Intl.Segmenter(undefined, { granularity: 'grapheme' });

/**
 * The characters of a text that take the cells of several code points, as programs and the recording count them: from their first UTF-16
 * unit to behind their last. Each is drawn at once over all of its cells. The browser would join them in any case, where they stand in
 * one element, and everything after them would be drawn too far left.
 */
export function joinedCharacters(text: string): [number, number][] {
  if (!JOINS.test(text)) return [];
  return [...characters.segment(text)].flatMap(({ segment, index }): [number, number][] => {
    const [, ...others] = segment;
    return others.some((one) => !WITHOUT_CELL.test(one)) ? [[index, index + segment.length]] : [];
  });
}

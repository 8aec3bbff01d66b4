import { fieldsOf, parsedJson } from './keptJson.ts';
import { MOST_PANES } from './paneDrop.ts';

/** How wide the panes of the editor and of the terminals are: kept within the text of the layout, for each number of them. */

/** The panels that have panes, and a line of their own. */
export type BarPanel = 'editor' | 'terminals';
type Kept = Partial<Record<string, number[]>>;

const parsed = (layout: string | null) => fieldsOf(parsedJson(layout));

/** What a layout's text holds of panes; nothing where it holds none, or what cannot be read. */
export function keptPanes(layout: string | null): Kept {
  const panes = Object.entries(fieldsOf(parsed(layout)['panes']));
  const isShares = (shares: unknown): shares is number[] =>
    Array.isArray(shares) && shares.length <= MOST_PANES && shares.every((share) => typeof share === 'number' && share > 0);
  return Object.fromEntries(
    panes.flatMap(([key, shares]) => (/^(editor|terminals)-\d$/.test(key) && isShares(shares) ? [[key, shares]] : [])),
  );
}

/** The width of each of so many panes, in percent of all: as somebody left them, or all the same. */
export function paneShares(layout: string | null, of: BarPanel, count: number): number[] {
  const kept = keptPanes(layout)[`${of}-${count}`];
  const shares = kept?.length === count ? kept : Array.from({ length: count }, () => 1);
  const whole = shares.reduce((sum, share) => sum + share, 0);
  return shares.map((share) => (share * 100) / whole);
}

/** The text of the layout with the width of so many panes. */
export function withPaneShares(layout: string | null, of: BarPanel, shares: readonly number[]): string {
  const rounded = shares.map((share) => Math.round(share * 100) / 100);
  return JSON.stringify({ ...parsed(layout), panes: { ...keptPanes(layout), [`${of}-${shares.length}`]: rounded } });
}

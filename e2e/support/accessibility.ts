import { expect, type Page } from '@playwright/test';
import axe from 'axe-core';

/** What axe finds wrong; no page has frames. One that has it already is not given it anew: to read it takes as long as most looks. */
async function look(page: Page, within: string | undefined, options: axe.RunOptions): Promise<axe.Result[]> {
  if (!(await page.evaluate(() => 'axe' in window))) await page.evaluate(axe.source);
  // It need not write down what is right, place for place: nobody reads that.
  return page.evaluate(
    async ([place, asked]) => (await (window as unknown as { axe: typeof axe }).axe.run(place ?? document, asked)).violations,
    [within, { ...options, resultTypes: ['violations'] } satisfies axe.RunOptions] as const,
  );
}

/**
 * No rule of axe is broken, in light and in dark, with everything that moves at rest.
 *
 * @param without rules that do not hold for what is shown.
 * @param within the part that is looked at; all of the page where there is none.
 */
export async function expectAccessible(page: Page, where: string, without: string[] = [], within?: string): Promise<void> {
  const leftOut = Object.fromEntries(without.map((rule) => [rule, { enabled: false }]));
  // The scheme that is shown goes first: to draw editor and terminals anew takes longer than a look at them.
  const isDark = await page.evaluate(() => matchMedia('(prefers-color-scheme: dark)').matches);
  for (const colorScheme of isDark ? (['dark', 'light'] as const) : (['light', 'dark'] as const)) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    await page.evaluate(async () => {
      await new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)));
      const isEnding = ({ effect }: Animation) => effect?.getComputedTiming().endTime !== Number.POSITIVE_INFINITY;
      const ending = document.getAnimations().filter(isEnding);
      await Promise.allSettled(ending.map((animation) => animation.finished));
    });
    // What a scheme changes is colours alone.
    const violations = await look(
      page,
      within,
      colorScheme === 'light' ? { rules: leftOut } : { runOnly: { type: 'rule', values: ['color-contrast'] } },
    );
    const found = violations.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.html}\n  ${node.failureSummary}`));
    expect.soft(found, `${where}, ${colorScheme}`).toEqual([]);
  }
}

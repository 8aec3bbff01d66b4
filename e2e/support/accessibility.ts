import AxeBuilder from '@axe-core/playwright';
import { expect, type Page } from '@playwright/test';

/**
 * No rule of axe is broken, in light and in dark, with everything that moves at rest.
 *
 * @param without rules that do not hold for what is shown.
 * @param within the part that is looked at; all of the page where there is none.
 */
export async function expectAccessible(page: Page, where: string, without: string[] = [], within?: string): Promise<void> {
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
    // The other way, for frames of other origins, of which there are none, loads a second page for each look.
    // It need not write down what is right, place for place: nobody reads that.
    const axe = new AxeBuilder({ page }).options({ resultTypes: ['violations'] }).setLegacyMode(true);
    if (within !== undefined) axe.include(within);
    // What a scheme changes is colours alone.
    const { violations } = await (colorScheme === 'light' ? axe.disableRules(without) : axe.withRules(['color-contrast'])).analyze();
    const found = violations.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.html}\n  ${node.failureSummary}`));
    expect.soft(found, `${where}, ${colorScheme}`).toEqual([]);
  }
}

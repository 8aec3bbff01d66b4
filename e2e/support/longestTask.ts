import type { Page } from '@playwright/test';

const MANY_NAMES = 100_000;

/** Watches how long the page's thread is held at a stretch, from now until `end`. */
export async function longestTask(page: Page): Promise<{
  /** The longest task, and how long the same thread takes to sort 100,000 names, which is long on a machine on which all is. */
  end(): Promise<{ heldMs: number; sortedMs: number }>;
}> {
  const held = await page.evaluateHandle(() => {
    const longest = { ms: 0 };
    const observer = new PerformanceObserver((list) => {
      for (const { duration } of list.getEntries()) longest.ms = Math.max(longest.ms, duration);
    });
    observer.observe({ type: 'longtask' });
    return { longest, observer };
  });
  return {
    end: () =>
      held.evaluate(({ longest, observer }, many) => {
        observer.disconnect();
        // The longest of a few: what else the machine does can only add, to the page's tasks as well.
        const sorts = Array.from({ length: 5 }, () => {
          const names = Array.from({ length: many }, (_, n) => `${(n * 7919) % many}`);
          const beganMs = performance.now();
          names.sort(new Intl.Collator(undefined, { numeric: true }).compare);
          return performance.now() - beganMs;
        });
        return { heldMs: longest.ms, sortedMs: Math.max(...sorts) };
      }, MANY_NAMES),
  };
}

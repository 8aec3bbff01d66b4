import type { Worker } from './worker.ts';

/** Takes steps that each do what is due and may be repeated; one that fails is logged, and the others are taken. */
export async function runSteps({ log }: Worker, steps: readonly (readonly [what: string, step: () => Promise<void>])[]): Promise<boolean> {
  let allWorked = true;
  for (const [what, step] of steps) {
    try {
      await step();
    } catch (error) {
      allWorked = false;
      log.error({ error: String(error) }, `the sweep of ${what} failed; it is tried again`);
    }
  }
  return allWorked;
}

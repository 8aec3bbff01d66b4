import type { Page } from '@playwright/test';
import type { NarrowProxy } from './narrowProxy.ts';
import { WorkspacePage } from './workspacePage.ts';

/** What the workspace may cost. Above the first two a journey and the benchmark fail; the third is printed beside what was measured. */
export const BUDGET = { transferredMb: 2.5, heapMb: 250, blockingMs: 200 };

const MB = 1_000_000;

export interface Load {
  usableMs: number;
  /** What each task of the page's thread took beyond 50 ms, added up. */
  blockingMs: number;
  /** The longest of these tasks. */
  longestTaskMs: number;
  /** How far parts of the page jumped, as browsers count it. */
  layoutShift: number;
}

/** Notes the long tasks of a page, from its next load on. */
export async function watchTasks(page: Page): Promise<void> {
  await page.addInitScript(() => {
    const tasks: number[] = [];
    Object.assign(window, { longTasks: tasks });
    new PerformanceObserver((list) => tasks.push(...list.getEntries().map((entry) => entry.duration))).observe({
      type: 'longtask',
      buffered: true,
    });
  });
}

/** What happens from a navigation with an empty cache until the page, whose tasks are watched, can be used. */
export async function loadOf(page: Page, navigate: () => Promise<unknown>, usable: () => Promise<unknown>): Promise<Load> {
  await clearCache(page);
  const startedMs = performance.now();
  await navigate();
  await usable();
  const usableMs = performance.now() - startedMs;
  const tasks = await page.evaluate(() => (window as unknown as { longTasks: number[] }).longTasks);
  return {
    usableMs: Math.round(usableMs),
    blockingMs: Math.round(tasks.reduce((sum, duration) => sum + Math.max(0, duration - 50), 0)),
    longestTaskMs: Math.round(Math.max(0, ...tasks)),
    layoutShift: Math.round((await new WorkspacePage(page).layoutShift()) * 10_000) / 10_000,
  };
}

export interface Weight {
  /** Compressed, in 10^6 bytes, of all that was asked for by the page and its workers. */
  transferredMb: number;
  /** Of its WebSockets. */
  socketMb: number;
  requests: number;
}

/**
 * What comes over the wire from a navigation with an empty cache until the page, which is reached by way of `proxy`, can be used and its
 * workers run. The browser's own account of a page leaves out the scripts of workers.
 */
export async function weightOf(page: Page, proxy: NarrowProxy, load: () => Promise<unknown>): Promise<Weight> {
  await clearCache(page);
  const before = proxy.delivered;
  await load();
  // Answered by a worker once its script is there.
  for (const worker of page.workers()) await worker.evaluate(() => undefined);
  const after = proxy.delivered;
  const inMb = (bytes: number) => Math.round(bytes / (MB / 1_000)) / 1_000;
  return {
    transferredMb: inMb(after.bytes - before.bytes),
    socketMb: inMb(after.tunnelBytes - before.tunnelBytes),
    requests: after.requests - before.requests,
  };
}

async function clearCache(page: Page): Promise<void> {
  const cdp = await page.context().newCDPSession(page);
  await cdp.send('Network.clearBrowserCache');
  await cdp.detach();
}

/** A key typed into the file that is shown, until the editor says that it took it. */
export async function typeOneKey(page: Page): Promise<void> {
  await page.getByTestId('editor').locator('.view-lines').click({ timeout: 60_000 });
  await page.keyboard.type('#');
  await page.getByTestId('save-state').filter({ hasText: 'Unsaved' }).waitFor();
}

export interface Held {
  /** Of the page's scripts, in 10^6 bytes. */
  heapMb: number;
  /** In the document. */
  nodes: number;
  /** Out of it, and kept by a script. */
  detachedNodes: number;
  listeners: number;
  /** Texts that the editor keeps. */
  models: number;
  editors: number;
  /** Of two texts, that are on the page no more. */
  leftComparisons: number;
}

/** Lets what a page's editor keeps be counted, from its next load on. */
export async function watchEditor(page: Page): Promise<void> {
  await page.addInitScript(() => {
    let environment: object | undefined;
    Object.defineProperty(window, 'MonacoEnvironment', {
      get: () => environment,
      // Monaco puts itself on the page then.
      set: (asked: object) => {
        environment = { ...asked, globalAPI: true };
      },
    });
  });
}

/** What the page, whose editor is watched, holds once what it let go of is collected. */
export async function heldBy(page: Page): Promise<Held> {
  const cdp = await page.context().newCDPSession(page);
  await cdp.send('HeapProfiler.collectGarbage');
  const { usedSize } = (await cdp.send('Runtime.getHeapUsage')) as { usedSize: number };
  const { nodes, jsEventListeners } = await cdp.send('Memory.getDOMCounters');
  await cdp.send('DOM.enable');
  const { detachedNodes } = await cdp.send('DOM.getDetachedDomNodes');
  await cdp.detach();
  const isComparison = ({ treeNode }: { treeNode: { attributes?: string[] } }) =>
    treeNode.attributes?.some((attribute) => attribute.includes('monaco-diff-editor')) === true;
  const leftComparisons = detachedNodes.filter(isComparison).length;
  const editor = await page.evaluate(() => {
    const { monaco } = window as unknown as { monaco: { editor: { getModels(): unknown[]; getEditors(): unknown[] } } };
    return { models: monaco.editor.getModels().length, editors: monaco.editor.getEditors().length };
  });
  return { heapMb: usedSize / MB, nodes, detachedNodes: detachedNodes.length, listeners: jsEventListeners, leftComparisons, ...editor };
}

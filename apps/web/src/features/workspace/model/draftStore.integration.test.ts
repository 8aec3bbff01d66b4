import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { stripTypeScriptTypes } from 'node:module';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { type Browser, chromium, type Page } from '@playwright/test';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

/** So long that the browser takes longer to write it than the page to change it. */
const LONG_TEXT = 'x'.repeat(500_000);
const ROUNDS = 20;

const SCRIPT = `
import { indexedDraftStore as drafts } from './draftStore.ts';
const draft = (text) => ({ attemptId: 'attempt', path: 'a.py', tab: 'tab', text, baseHash: null });
window.drafts = drafts;
window.put = (text) => drafts.put(draft(text));
addEventListener('pagehide', () => drafts.flush());
await drafts.paths('attempt');
document.title = 'ready';
`;
const PAGE = `<!doctype html><script type="importmap">{ "imports": { "idb": "/idb.js" } }</script><script type="module" src="/page.js"></script>`;

/** The browser's part as a page loads it: each module without its types. */
function script(url: string): string {
  if (url === '/page.js') return SCRIPT;
  if (url === '/idb.js') return readFileSync(fileURLToPath(import.meta.resolve('idb')), 'utf8');
  return stripTypeScriptTypes(readFileSync(new URL(`.${url}`, import.meta.url), 'utf8'));
}

declare const window: {
  put(text: string): Promise<void>;
  drafts: { get(...key: string[]): Promise<{ text: string } | undefined>; delete(...key: string[]): Promise<void> };
};

describe('the drafts that a browser keeps', () => {
  let server: Server;
  let browser: Browser;
  let page: Page;
  let origin: string;

  beforeAll(async () => {
    server = createServer(({ url = '/' }, answer) => {
      const isScript = /\.[jt]s$/.test(url);
      answer.setHeader('content-type', isScript ? 'text/javascript' : 'text/html');
      answer.end(isScript ? script(url) : url === '/' ? PAGE : '<!doctype html>');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    browser = await chromium.launch({ executablePath: process.env.CHROMIUM_PATH ?? '/usr/bin/chromium', args: ['--no-sandbox'] });
    page = await browser.newPage();
  });
  afterAll(async () => {
    await browser?.close();
    server?.close();
  });

  const open = async () => {
    await page.goto(origin);
    await page.waitForFunction(() => document.title === 'ready');
  };
  const kept = () => page.evaluate(async () => (await window.drafts.get('attempt', 'a.py'))?.text.slice(0, 20));

  it('are the last text of each file when the page is left, however fast it changed', async () => {
    for (let round = 0; round < ROUNDS; round += 1) {
      await open();
      const left = page.waitForURL(`${origin}/elsewhere`);
      await page.evaluate(
        ({ round, text, elsewhere }) => {
          // Later, so that the answer is out before the page is left.
          setTimeout(() => {
            for (let key = 1; key <= 20; key += 1) void window.put(`${round}, ${key} ${text}`).catch(() => {});
            location.href = elsewhere;
          });
        },
        { round, text: LONG_TEXT, elsewhere: `${origin}/elsewhere` },
      );
      await left;
      await open();
      expect(await kept()).toMatch(new RegExp(`^${round}, 20 `));
    }
  });

  it('are written as a page that was left had them, beside what cannot be read', async () => {
    await open();
    await page.evaluate(() => {
      const left = (path: string, change: unknown) => localStorage.setItem(`plumbline.draft.attempt.${path}`, JSON.stringify(change));
      localStorage.setItem('plumbline.draft.attempt.broken.py', '{');
      left('other.py', { attemptId: 'attempt', path: 7 });
      const draft = { attemptId: 'attempt', path: 'a.py', tab: 'tab', text: 'left', baseHash: null };
      left('a.py', { attemptId: 'attempt', path: 'a.py', draft });
    });
    await open();
    expect(await kept()).toBe('left');
  });

  it('are gone where the last that was said of a file is that it is saved', async () => {
    await open();
    await page.evaluate(async () => {
      void window.put('one').catch(() => {});
      void window.put('two').catch(() => {});
      await window.drafts.delete('attempt', 'a.py');
    });
    expect(await kept()).toBeUndefined();
  });

  it('are dropped on the word of a tab only where that tab wrote them', async () => {
    await open();
    const read = await page.evaluate(async () => {
      const text = async () => (await window.drafts.get('attempt', 'a.py'))?.text ?? null;
      await window.put('one');
      await window.drafts.delete('attempt', 'a.py', 'another tab');
      const before = await text();
      await window.drafts.delete('attempt', 'a.py', 'tab');
      return [before, await text()];
    });
    expect(read).toEqual(['one', null]);
  });

  it('are read as they were written last', async () => {
    await open();
    const read = await page.evaluate(async () => {
      void window.put('one').catch(() => {});
      void window.put('two').catch(() => {});
      return (await window.drafts.get('attempt', 'a.py'))?.text;
    });
    expect(read).toBe('two');
  });
});

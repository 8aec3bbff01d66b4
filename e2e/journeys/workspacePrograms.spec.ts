import { createHash } from 'node:crypto';
import type { BrowserContext, Keyboard, Locator, Page } from '@playwright/test';
import { drawnColours } from '../support/drawnColours.ts';
import { expect, test } from '../support/fixtures.ts';
import { longestTask } from '../support/longestTask.ts';
import { RecordedTerminal } from '../support/recordedTerminal.ts';
import { openWorkspace } from '../support/workspace.ts';
import type { WorkspacePage } from '../support/workspacePage.ts';

const SMALL = { width: 1280, height: 720 };
const LARGE = { width: 1440, height: 900 };

interface Act {
  /** What a person types. */
  by: (keyboard: Keyboard) => Promise<void>;
  shows: RegExp;
}

interface Program {
  start: string;
  /** Stands in the last or last but one row, once the program has drawn itself at the screen's size. */
  foot: string;
  acts: readonly Act[];
  leave: (keyboard: Keyboard) => Promise<void>;
}

const line = (text: string) => async (keyboard: Keyboard) => {
  await keyboard.type(text);
  await keyboard.press('Enter');
};
const keys =
  (...names: string[]) =>
  async (keyboard: Keyboard) => {
    for (const name of names) await keyboard.press(name);
  };

const PROGRAMS: Record<string, Program> = {
  vim: {
    start: 'vim -u NONE -N "+syntax on|set number hlsearch ruler laststatus=2" solution/textstats.py',
    foot: 'textstats\\.py',
    acts: [
      // By its ruler: what the terminal answers to the questions of the start may come after it, and has vim clear its last line.
      { by: line('/return'), shows: /textstats\.py +7,5 / },
      { by: line(':vsplit'), shows: /textstats\.py.*textstats\.py/ },
      { by: (keyboard) => keyboard.type('Oüber 漢字 🙂 by hand'), shows: /über 漢字 🙂 by hand/ },
      { by: keys('Escape', 'Control+F', 'Control+B', 'Control+G'), shows: /^"solution\/textstats\.py" \[Modified\]/m },
    ],
    leave: line(':qa!'),
  },
  less: {
    start: "seq -f 'line %g 漢字 🙂' 500 > lines.txt; less -N '-PsLESS at %lb' lines.txt",
    foot: 'LESS at \\d+',
    acts: [
      { by: keys('1', '2', '0', 'g', 'PageDown', 'PageUp'), shows: /^ *120 line 120 /m },
      { by: line('/line 33.'), shows: /line 330 / },
      { by: keys('End'), shows: /line 500 / },
    ],
    leave: keys('q'),
  },
  htop: {
    // It draws by itself so seldom that its screen stands while it is compared.
    start: 'htop -d 100',
    foot: 'F10Quit',
    acts: [
      { by: keys('F5', 'ArrowDown', 'Space', 'ArrowDown'), shows: /F5List/ },
      {
        by: async (keyboard) => {
          await keyboard.press('F4');
          await keyboard.type('htop');
        },
        shows: /Filter: htop/,
      },
      { by: keys('Escape'), shows: /F10Quit/ },
    ],
    leave: keys('F10'),
  },
  tmux: {
    // Keys that come at once are keys.
    start: 'echo set -g assume-paste-time 0 > tmux.conf; tmux -L drawn -f tmux.conf new-session -s work',
    foot: '\\[work\\]',
    acts: [
      { by: line('ls -la --color=always; echo listed-$((1+1))'), shows: /listed-2/ },
      { by: keys('Control+B', '%'), shows: /│.*\$$/m },
      { by: line('seq 1 60; echo größer-$((2+2))'), shows: /größer-4/ },
      { by: keys('Control+B', '"'), shows: /─{10}/ },
      { by: keys('Control+B', 'z'), shows: /\[work\] 0:\S*\*Z/ },
      { by: keys('Control+B', 'z'), shows: /│/ },
    ],
    leave: line('tmux kill-server'),
  },
};

/** Rows of it in which each cell is filled by two colours. */
const SOLID_ROWS = 5;
/** Row and column of the full block in it: as a letter it leaves its cell's edge free, which the graphics card fills. */
const FULL_BLOCK = [10, 8];
/** 256 colours, true ones, weights, and characters of every width. */
const COLOURS = `
for row in range(4):
    print("".join(f"\\x1b[38;5;{n};48;5;{255 - n}m▀" for n in range(64 * row, 64 * row + 64)) + "\\x1b[0m")
print("".join(f"\\x1b[38;2;{255 - 4 * n};{4 * n};0;48;2;{4 * n};{255 - 4 * n};128m▄" for n in range(64)) + "\\x1b[0m")
print(" ".join(f"\\x1b[{n}mstyle {n}\\x1b[0m" for n in (1, 2, 3, 4, 7, 9, 31, 91, 44, 104)))
print("\\x1b[1;34mbold blue\\x1b[0m \\x1b[7;32minverse green\\x1b[0m \\x1b[2;7mdim inverse\\x1b[0m")
for words in ("日本語 한국어 ｆｕｌｌ |", "🙂 🚀 👍 ❤ ☕ 🧪🧵 |", "e\\u0301 a\\u0308 n\\u0303 o\\u0302\\u0323 ก็ |", "┌─┬─┐ ▀▄█░ ⠿⣿ ℝ→∞ |", "👨‍👩‍👧‍👦 👍🏽 🇩🇪🇫🇷 1️⃣ ❤️ का |"):
    print(words)
print("drawn", "whole")
`;

/** Packages and folders of so many files each. */
const MANY = 40;
const FILL = `
mkdir of-files app && echo '{"name":"of-files","version":"1.0.0"}' > of-files/package.json
seq -f 'of-files/%g.js' ${MANY} | xargs touch
tar -czf of-files.tgz --transform 's,^of-files,package,' of-files
seq -f '"p%g":"file:../of-files.tgz"' ${MANY} | paste -sd, | sed 's/.*/{"dependencies":{&}}/' > app/package.json
git init -q origin && seq -f 'origin/%g' ${MANY} | xargs -n 1 cp -r of-files
git -C origin add . && git -C origin -c user.name=a -c user.email=a@b commit -qm all
echo prepared
`;

test.describe.configure({ mode: 'serial' });

test.describe('programs that take the whole screen, and programs that fill the workspace', () => {
  let context: BrowserContext;
  let page: Page;
  let work: WorkspacePage;
  let recorded: RecordedTerminal;
  const item = (path: string): Locator => page.locator(`[data-testid=explorer-item][data-path="${path}"]`);

  test.beforeAll(async ({ browser, platform, signIn }) => {
    const opened = await openWorkspace(browser, platform, await signIn('admin'));
    ({ context, page, work } = opened);
    recorded = new RecordedTerminal(platform, opened.attemptId, 1);
    const programs = Object.entries({ 'colours.py': COLOURS, 'fill.sh': FILL });
    await page
      .getByTestId('upload-input')
      .setInputFiles(programs.map(([name, text]) => ({ name, mimeType: 'text/plain', buffer: Buffer.from(text) })));
    for (const [name] of programs) await expect(item(name)).toBeVisible();
  });

  test.afterAll(() => context?.close());

  for (const [name, { start, foot, acts, leave }] of Object.entries(PROGRAMS)) {
    test(`${name} is used by keys, at two sizes, and the page has cell for cell what its recorded bytes draw`, async () => {
      const fills = new RegExp(`${foot}[^\\n]*(\\n[^\\n]*)?$`);
      await page.setViewportSize(LARGE);
      await work.shell("echo before-'it'", /^before-it$/m);
      await page.keyboard.type(`${start}\n`);
      await work.expectOnScreen(1, fills);
      for (const [at, { by, shows }] of acts.entries()) {
        await by(page.keyboard);
        await work.expectOnScreen(1, shows);
        await recorded.expectDrawnIn(work.terminal(1), `${name}, after act ${at}`);
      }
      for (const size of [SMALL, LARGE]) {
        const rowCount = async () => (await work.screen(1)).split('\n').length;
        const before = await rowCount();
        await page.setViewportSize(size);
        await expect.poll(rowCount).not.toBe(before);
        await work.expectOnScreen(1, fills);
        await recorded.expectDrawnIn(work.terminal(1), `${name}, ${size.width} pixels wide`);
      }
      await leave(page.keyboard);
      await work.expectOnScreen(1, /^before-it$/m);
      await work.shell('echo after-$((1+1))', /^after-2$/m);
    });
  }

  test('git clone and npm install fill folders that are open in the tree: it shows all that came, and holds the page no longer than sorting 100,000 names does', async () => {
    await work.shell('bash fill.sh', /^prepared$/m);
    await item('app').click();
    const held = await longestTask(page);
    await work.type(
      1,
      'clear; git clone -q --no-local origin cloned; cd app; npm install --offline --no-audit --no-fund --cache /tmp/npm; cd; echo filled-$((1+1))\n',
    );
    const open = ['cloned', 'cloned/7', 'app/node_modules', 'app/node_modules/p7'];
    for (const folder of open) {
      await expect(async () => {
        if (!(await item(folder).isVisible())) await page.getByTestId('explorer-tree').press('Home');
        // Rows that come in above move it: a press that began on it may end on another.
        if ((await item(folder).getAttribute('aria-expanded', { timeout: 1_000 })) !== 'true') await item(folder).click({ timeout: 1_000 });
        await expect(item(folder)).toHaveAttribute('aria-expanded', 'true', { timeout: 1_000 });
      }).toPass({ timeout: 120_000 });
    }
    await work.expectOnScreen(1, /^filled-2$/m, 120_000);
    const { heldMs, sortedMs } = await held.end();
    console.log(`the page was held for ${Math.round(heldMs)} ms at most; sorting takes ${Math.round(sortedMs)} ms`);
    // They have the machine beside the page, and have ended when it sorts.
    expect(heldMs).toBeLessThan(sortedMs);

    const listed = `for d in . app ${open.join(' ')}; do find $d -mindepth 1 -maxdepth 1 ! -name '.plumbline-*'; done | sed 's,^\\./,,' | LC_ALL=C sort`;
    await work.shell(`(${listed}) > /tmp/listed; wc -l < /tmp/listed; sha256sum < /tmp/listed; echo listed-$((1+1))`, /^listed-2$/m);
    const found = /^(\d+)\n([0-9a-f]{64})/m.exec(await work.screen(1));
    await expect(async () => {
      const paths = await allRows(page);
      const text = paths.map((path) => Buffer.from(`${path}\n`)).sort(Buffer.compare);
      expect([String(paths.length), createHash('sha256').update(Buffer.concat(text)).digest('hex')]).toEqual(found?.slice(1));
    }).toPass({ timeout: 60_000 });
    expect(Number(found?.[1])).toBeGreaterThan(4 * MANY);
  });

  test('256 and true colours, weights, wide characters, emoji of one code point and of seven, and combining marks stand in the cells that the recorded bytes give them', async () => {
    await work.shell('python3 colours.py', /^drawn whole$/m);
    await recorded.expectDrawnIn(work.terminal(1), 'colours and characters');
  });

  test('the graphics card draws the same colours and characters into the same cells as the page’s own text', async () => {
    // As wide as the rows of colours.
    const part = { cols: 64, rows: 12 };
    const inText = await drawnColours(work.terminal(1), await recorded.size(), part);
    await page.goto(`${page.url()}?renderer=webgl`);
    await expect(work.terminal(1).locator('canvas').first()).toBeVisible();
    await work.type(1, 'clear; python3 colours.py\n');
    await expect(async () => {
      const drawn = await drawnColours(work.terminal(1), await recorded.size(), part);
      const differences = drawn.flatMap((cells, y) =>
        cells.flatMap((cell, x) => {
          const apart = cell.flat().map((value, at) => Math.abs(value - (inText[y]?.[x]?.flat()[at] ?? 0)));
          const isSame = Math.max(...apart) <= (y < SOLID_ROWS ? 12 : 90) || `${[y, x]}` === `${FULL_BLOCK}`;
          return isSame ? [] : [`row ${y}, column ${x}: ${cell} instead of ${inText[y]?.[x]}`];
        }),
      );
      expect(differences).toEqual([]);
    }).toPass({ timeout: 60_000 });
  });
});

/** The paths of all rows of the tree, which draws those in sight alone: read as one reads them who scrolls through. */
function allRows(page: Page): Promise<string[]> {
  return page.getByTestId('explorer-tree').evaluate(async (tree) => {
    const paths = new Set<string>();
    for (let top = 0; ; top += tree.clientHeight / 2) {
      tree.scrollTop = top;
      await new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)));
      for (const row of tree.querySelectorAll('[data-path]')) paths.add(row.getAttribute('data-path') ?? '');
      if (top + tree.clientHeight >= tree.scrollHeight) return [...paths];
    }
  });
}

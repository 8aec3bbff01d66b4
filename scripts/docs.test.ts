import { execFile } from 'node:child_process';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const root = join(import.meta.dirname, '..');
const read = (path: string) => readFileSync(join(root, path), 'utf8');
const pages = ['README.md', 'CONTRIBUTING.md', ...globSync('docs/**/*.md', { cwd: root })];

const npmScripts = Object.keys(JSON.parse(read('package.json')).scripts);
/** What npm does without a line in `package.json`. */
const NPM_COMMANDS = ['ci', 'install', 'rebuild', 'run'];
const settings = new Set([...read('.env.example').matchAll(/^#([A-Z_]+)=/gm)].map((match) => match[1]));
/** Names that a sandbox gives its programs or takes from the machine, and those of the chaos run and the benchmarks: not settings, but quoted beside them. */
const sandboxSources = [
  'packages/sandbox/src/**/*.ts',
  'packages/taskstandard/src/**/*.ts',
  'environments/**/*.py',
  'e2e/{chaos,load}/*.ts',
]
  .flatMap((pattern) => globSync(pattern, { cwd: root }))
  .map(read)
  .join('\n');
const TOP_LEVEL = /^(apps|docs|e2e|environments|packages|prisma|public|scripts)\//;

/** What a page quotes as code: spans, and the lines of its blocks. */
function quotedCode(text: string): string[] {
  const blocks = [...text.matchAll(/^```.*\n([\s\S]*?)^```/gm)].flatMap((match) => (match[1] as string).split('\n'));
  const spans = [...text.replaceAll(/^```.*\n[\s\S]*?^```/gm, '').matchAll(/`([^`\n]+)`/g)].map((match) => match[1] as string);
  return [...blocks, ...spans];
}

/** The name that a link to a heading uses for it. */
function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-');
}

function wrongLinks(page: string, text: string): string[] {
  const links = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map((match) => match[1] as string);
  return links.filter((link) => {
    if (/^[a-z]+:/.test(link)) return false;
    const [file = '', anchor] = link.split('#');
    const target = file === '' ? page : join(dirname(page), file);
    if (target !== page && !existsSync(join(root, target))) return true;
    if (anchor === undefined) return false;
    const headings = [...(target === page ? text : read(target)).matchAll(/^#+ (.+)$/gm)].map((match) => anchorOf(match[1] as string));
    return !headings.includes(anchor);
  });
}

function wrongPaths(page: string, code: string[]): string[] {
  const words = code.flatMap((line) => line.split(/[\s,;:()'"]+/));
  const isThere = (path: string) => globSync(path.replace(/\/$/, ''), { cwd: root }).length > 0;
  const missing = words.filter((word) => TOP_LEVEL.test(word) && !isThere(word));
  // A file alone stands beside the page, or at the top.
  const files = code.filter((word) => /^\.?[\w-]+(\.[\w-]+)*\.(md|cjs|mjs)$/.test(word) || word === '.env.example');
  return [...missing, ...files.filter((file) => !isThere(file) && !isThere(join(dirname(page), file)))];
}

function wrongScripts(code: string[]): string[] {
  const calls = code.flatMap((line) => [...line.matchAll(/\bnpm (?:(run) )?([a-z][\w:-]*)/g)]);
  return calls
    .filter(([, run, name = '']) => !npmScripts.includes(name) && (run !== undefined || !NPM_COMMANDS.includes(name)))
    .map(([call]) => call);
}

function wrongNames(code: string[]): string[] {
  const names = code.flatMap((line) => line.match(/\b[A-Z][A-Z0-9]*(_[A-Z0-9]+)+\b/g) ?? []);
  return names.filter((name) => !settings.has(name) && !sandboxSources.includes(name));
}

interface PlumbCall {
  command: string[];
  options: string[];
}

/** Calls of the operator's command: its subcommands are the words in small letters before the first argument. */
function plumbCalls(code: string[]): PlumbCall[] {
  return code.flatMap((line) => {
    const call = /(?:^|npm run )plumb (?:-- )?(.+)$/.exec(line)?.[1];
    if (call === undefined) return [];
    const words = call.split(/\s+/);
    const first = words.findIndex((word) => !/^[a-z][a-z-]*$/.test(word));
    return [{ command: first < 0 ? words : words.slice(0, first), options: words.filter((word) => word.startsWith('--')) }];
  });
}

/** What a command says of itself: asked once, however many pages quote it. */
const helpTexts = new Map<string, Promise<string>>();

function helpOf(command: string[]): Promise<string> {
  const key = command.join(' ');
  const text =
    helpTexts.get(key) ??
    promisify(execFile)(process.execPath, [join(root, 'apps/cli/src/main.ts'), ...command, '--help']).then(
      ({ stdout }) => stdout,
      (error: { stdout: string }) => error.stdout,
    );
  helpTexts.set(key, text);
  return text;
}

async function wrongCalls(code: string[]): Promise<string[]> {
  const wrong: string[] = [];
  for (const { command, options } of plumbCalls(code)) {
    const stdout = await helpOf(command);
    const isKnown = stdout.startsWith(`Usage: ${['plumb', ...command].join(' ')} `);
    const unknown = options.filter((option) => !stdout.includes(option));
    if (!isKnown || unknown.length > 0) wrong.push(['plumb', ...command, ...unknown].join(' '));
  }
  return wrong;
}

async function whatIsWrong(page: string, text: string): Promise<string[]> {
  const code = quotedCode(text);
  const wrong = [...wrongLinks(page, text), ...wrongPaths(page, code), ...wrongScripts(code), ...wrongNames(code)];
  return [...wrong, ...(await wrongCalls(code))];
}

test.each(pages)('%s quotes only links, paths, commands and settings that exist', { timeout: 120_000 }, async (page) => {
  expect(await whatIsWrong(page, read(page))).toEqual([]);
});

test('what does not exist is found, wherever it is quoted', async () => {
  const text = [
    '# A page',
    '[here](#a-page), [there](#nowhere), [a file](gone.md), ![a picture](../public/gone.png)',
    'See `packages/gone/src`, `docs/gone.md`, `gone.cjs` and `packages/core`.',
    'Run `npm run gone` or `npm gone`, never `npm test` or `npm ci`; set `PLUMBLINE_GONE`, `DATABASE_URL` or `PLUMBLINE_HOME`.',
    '```sh',
    'npm run plumb -- verify ATTEMPT --gone',
    'npm run plumb -- environment gone environments/gone',
    '```',
    'Also `plumb gone`.',
  ].join('\n');
  expect((await whatIsWrong('docs/page.md', text)).toSorted()).toEqual(
    [
      '#nowhere',
      '../public/gone.png',
      'PLUMBLINE_GONE',
      'docs/gone.md',
      'environments/gone',
      'gone.cjs',
      'gone.md',
      'npm gone',
      'npm run gone',
      'packages/gone/src',
      'plumb environment gone',
      'plumb gone',
      'plumb verify --gone',
    ].toSorted(),
  );
});

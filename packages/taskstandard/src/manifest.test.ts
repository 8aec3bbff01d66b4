import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { contentHash, loadFamily } from './family.ts';
import { loadManifest } from './manifest.ts';
import { reviewChecklist } from './reviewChecklist.ts';
import type { EnvironmentSettings } from './settings.ts';
import { ManifestError } from './yamlFile.ts';

const made: string[] = [];

function family(files: Record<string, string>, name = 'toy'): string {
  const base = mkdtempSync(join(tmpdir(), 'plumbline-manifest-'));
  made.push(base);
  const dir = join(base, name);
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(join(dir, name, '..'), { recursive: true });
    writeFileSync(join(dir, name), text);
  }
  return dir;
}

function problems(manifest: string) {
  try {
    loadManifest(family({ 'manifest.yaml': manifest }));
  } catch (error) {
    if (error instanceof ManifestError) return error.problems;
    throw error;
  }
  throw new Error('The manifest was accepted.');
}

afterEach(() => {
  for (const dir of made.splice(0)) rmSync(dir, { recursive: true, force: true });
});

describe('a manifest', () => {
  it('of the standard alone gets the standard’s own behaviour by default', () => {
    const { tasks, version } = loadManifest(family({ 'manifest.yaml': 'version: 1.2.0\ntasks:\n  main: {}\n' }));
    expect(version).toBe('1.2.0');
    expect(tasks.main).toMatchObject({ version: '1.2.0', scoring: { visible_to_agent: true, score_on_usage_limits: false } });
    expect(tasks.main?.settings).toMatchObject({
      title: 'toy/main',
      startingScore: null,
      direction: 'higher',
      aggregation: 'best',
      whileScoring: { participant: 'continues', clock: 'runs' },
      scoreTimeoutSeconds: 600,
      scoreVisible: true,
    });
  });

  it('gives a task’s block precedence over its family’s, key by key', () => {
    const dir = family({
      'manifest.yaml': `meta: { plumbline: { title: Toy, direction: lower, clean_rescores: 3 } }
tasks:
  a: { scoring: { visible_to_agent: false } }
  b: { meta: { note: kept by its authors, plumbline: { title: Toy B, score_visible: true } } }
`,
    });
    const { tasks } = loadManifest(dir);
    expect(tasks.a?.settings).toMatchObject({ title: 'Toy', direction: 'lower', cleanRescores: 3, scoreVisible: false });
    expect(tasks.b?.settings).toMatchObject({ title: 'Toy B', direction: 'lower', cleanRescores: 3, scoreVisible: true });
  });

  it('that is wrong is refused with file, line, key, what is wrong and an example', () => {
    const found = problems(`version: 1.0.0
meta:
  plumbline:
    direction: down
    clean_rescore: 3
tasks:
  main:
    resources:
      cpus: two
`);
    expect(found.map(({ file, line, key }) => ({ file, line, key }))).toEqual([
      { file: 'toy/manifest.yaml', line: 4, key: 'meta.plumbline.direction' },
      { file: 'toy/manifest.yaml', line: 5, key: 'meta.plumbline.clean_rescore' },
      { file: 'toy/manifest.yaml', line: 9, key: 'tasks.main.resources.cpus' },
    ]);
    expect(found[0]?.example).toBe('direction: lower');
    expect(found[1]?.problem).toContain('not known');
  });

  it('that is no YAML, or lacks its tasks, says on which line', () => {
    expect(problems('version: 1\ntasks: [\n')[0]?.line).toBeGreaterThan(1);
    expect(problems('version: 1\n')[0]).toMatchObject({ key: 'tasks', problem: 'this key is missing' });
  });

  it('whose aliases lead nowhere, or unfold into very much, is refused like any other that is wrong', () => {
    const bomb = ['a0: &a0 [x, x, x, x, x, x, x, x, x]'];
    for (let i = 1; i < 9; i++)
      bomb.push(
        `a${i}: &a${i} [${Array(9)
          .fill(`*a${i - 1}`)
          .join(', ')}]`,
      );
    for (const text of ['tasks: *nowhere\n', `tasks: { main: {} }\n${bomb.join('\n')}\n`]) {
      expect(problems(text)).toMatchObject([{ line: 1, problem: expect.stringContaining('an alias cannot be followed') }]);
    }
  });

  it('may not stop the clock while the participant goes on working', () => {
    const found = problems('tasks: { main: {} }\nmeta: { plumbline: { while_scoring: { participant: continues, clock: stopped } } }\n');
    expect(found[0]).toMatchObject({ line: 2, key: 'meta.plumbline.while_scoring.clock' });
  });

  it('names its large data by address, checksum, size and place, each place once', () => {
    const asset = (more: string) => `{ url: "https://example.org/a", sha256: ${'a'.repeat(64)}, bytes: 3, ${more} }`;
    const manifest = (...assets: string[]) => `tasks: { main: {} }\nmeta: { plumbline: { assets: [${assets.join(', ')}] } }\n`;
    const { tasks } = loadManifest(family({ 'manifest.yaml': manifest(asset('path: sub/a.bin'), asset('path: sub/a.bin, for: scorer')) }));
    expect(tasks.main?.settings.assets.map(({ path, for: whom }) => [path, whom])).toEqual([
      ['sub/a.bin', 'everyone'],
      ['sub/a.bin', 'scorer'],
    ]);
    for (const path of ['../a', '/a', 'a//b', './a'])
      expect(problems(manifest(asset(`path: ${path}`)))[0]?.key).toBe('meta.plumbline.assets.0.path');
    expect(problems(manifest(asset('path: a'), asset('path: a')))[0]?.problem).toContain('same path');
    expect(problems(manifest(asset('path: a').replace('https', 'ftp')))[0]?.problem).toContain('https://');
  });

  it('holds large data to a checksum, with or without a size, or to a commit of a repository, and to nothing less', () => {
    const git = (revision: string) => `git: { repository: "https://example.org/r", revision: ${revision}, file: a.bin }`;
    const sha256 = `sha256: ${'a'.repeat(64)}`;
    const manifest = (how: string) =>
      `tasks: { main: {} }\nmeta: { plumbline: { assets: [{ url: "https://example.org/a", path: a, ${how} }] } }\n`;
    for (const how of [sha256, `${sha256}, bytes: 3`, git('b'.repeat(40))])
      expect(loadManifest(family({ 'manifest.yaml': manifest(how) })).tasks.main?.settings.assets).toHaveLength(1);
    for (const how of ['bytes: 3', 'for: scorer', `${sha256}, ${git('b'.repeat(40))}`, `bytes: 3, ${git('b'.repeat(40))}`])
      expect(problems(manifest(how))[0]?.problem).toMatch(/held to sha256.* or to a commit/);
    expect(problems(manifest(git('main')))[0]).toMatchObject({
      key: 'meta.plumbline.assets.0.git.revision',
      problem: expect.stringContaining('a commit, no branch'),
    });
    expect(problems(manifest(git('b'.repeat(40)).replace('https', 'ext::sh')))[0]?.problem).toContain('https://');
  });

  it('takes an overlay’s settings over those of a family that stays unchanged', () => {
    const dir = family({ 'manifest.yaml': 'tasks: { main: {} }\n' });
    const overlayFile = join(dir, '..', 'toy.yaml');
    writeFileSync(
      overlayFile,
      'meta: { plumbline: { direction: lower } }\ntasks: { main: { meta: { plumbline: { starting_score: 2 } } } }\n',
    );
    expect(loadManifest(dir, { overlayFile }).tasks.main?.settings).toMatchObject({ direction: 'lower', startingScore: 2 });
  });

  it('takes of one overlay for many families what stands for all and what stands for this one', () => {
    const dir = family({ 'manifest.yaml': 'tasks: { main: {} }\n' });
    const overlayFile = join(dir, '..', 'all.yaml');
    writeFileSync(
      overlayFile,
      `meta: { plumbline: { clean_rescores: 3, direction: lower } }
families:
  toy: { meta: { plumbline: { direction: higher } }, tasks: { main: { meta: { plumbline: { score_unit: s } } } } }
  other: { meta: { plumbline: { clean_rescores: 9 } } }
`,
    );
    const found = loadManifest(dir, { overlayFile }).tasks.main?.settings;
    expect(found).toMatchObject({ cleanRescores: 3, direction: 'higher', scoreUnit: 's' });
  });

  it.each(['gpt2_rl_qa', 'optimize_llm_foundry', 'scaling_law'])('of %s is completed by the overlay that its README shows', (name) => {
    const dir = fileURLToPath(new URL(`../../../environments/re-bench/${name}`, import.meta.url));
    const shown = /```yaml\n(families:[\s\S]*?)```/.exec(readFileSync(join(dir, 'README.md'), 'utf8'))?.[1] ?? '';
    const filled = shown
      .replaceAll('sha256: …', `sha256: ${'a'.repeat(64)}`)
      .replaceAll('bytes: …', 'bytes: 1')
      .replaceAll('COMMIT', 'b'.repeat(40));
    const overlayFile = join(family({ 'overlay.yaml': filled }), 'overlay.yaml');
    const pathsOf = (options = {}) => loadManifest(dir, options).tasks.main?.settings.assets.map(({ path }) => path) ?? [];
    // Prepared tokens stand for what they were made of.
    const named = name === 'scaling_law' ? ['openwebtext/train.bin', 'openwebtext/heldout.bin'] : pathsOf();
    expect(pathsOf({ overlayFile })).toEqual(expect.arrayContaining(named));
    expect(pathsOf({ overlayFile }).length).toBeGreaterThan(named.length);
  });

  it('of each of METR’s seven RE-Bench families is laid over by one file, with directions that agree with the published scores', () => {
    const overlayFile = fileURLToPath(new URL('../../../environments/overlays/metr-re-bench.yaml', import.meta.url));
    const seven = {
      ai_rd_optimize_llm_foundry: 'lower best',
      ai_rd_triton_cumsum: 'lower best',
      ai_rd_fix_embedding: 'lower best',
      ai_rd_small_scaling_law: 'higher last',
      ai_rd_restricted_mlm: 'lower best',
      ai_rd_nanogpt_chat_rl: 'higher best',
      ai_rd_rust_codecontests_inference: 'higher best',
    };
    for (const [name, says] of Object.entries(seven)) {
      const dir = family({ 'manifest.yaml': 'tasks: { main: {}, hidden_score: {} }\n' }, name);
      const settings = loadManifest(dir, { overlayFile }).tasks.main?.settings;
      const { direction, aggregation, startingScore, referenceScore, rootScorer, submission, review } = settings as EnvironmentSettings;
      expect(`${direction} ${aggregation}`, name).toBe(says);
      expect((referenceScore as number) < (startingScore as number), name).toBe(direction === 'lower');
      expect(rootScorer).toBe(true);
      expect(submission.paths).not.toContain('.');
      expect(review.length).toBeGreaterThan(2);
    }
  });

  it('may be left out, as the standard allows, where an overlay names the tasks', () => {
    const dir = family({ 'toy.py': 'class TaskFamily: pass\n' });
    const overlayFile = join(dir, '..', 'toy.yaml');
    writeFileSync(overlayFile, 'tasks: { main: { meta: { plumbline: { title: Toy } } } }\n');
    expect(loadManifest(dir, { overlayFile }).tasks.main?.settings.title).toBe('Toy');
    expect(() => loadManifest(dir)).toThrow(/does not exist; write one, or name the tasks in an overlay/);
  });

  it('may say what it likes under meta, and names tasks of this standard alone', () => {
    const { tasks } = loadManifest(
      family({ 'manifest.yaml': 'meta: [a, b]\ntasks: { main: { type: metr_task_standard, meta: a note } }\n' }),
    );
    expect(Object.keys(tasks)).toEqual(['main']);
    expect(problems('tasks: { main: { type: inspect } }\n')[0]).toMatchObject({ key: 'tasks.main.type', line: 1 });
    expect(problems('tasks: { main: {}, main: {} }\n')[0]?.problem).toContain('unique');
  });
});

describe('a family', () => {
  const toy = { 'manifest.yaml': 'tasks: { main: {} }\n', 'toy.py': 'class TaskFamily:\n  pass\n' };
  const load = (files: Record<string, string>) => loadFamily(family({ ...toy, ...files }));

  it('has its build steps checked with file, line and key', () => {
    const steps = (text: string) => () => load({ 'build_steps.json': text });
    expect(load({ 'build_steps.json': '[{"type": "file", "source": "toy.py", "destination": "/x"}]' }).buildSteps).toHaveLength(1);
    expect(steps('[\n {"type": "shell",\n  "commands": "make"}\n]')).toThrow(/^toy\/build_steps\.json:3: 0\.commands: /);
    expect(steps('[{"type": "magic"}]')).toThrow(/build_steps\.json:1: 0\.type/);
    expect(steps('[{"type": "file", "source": "../../etc/passwd", "destination": "/x"}]')).toThrow(
      /0\.source: must be a file or folder of the/,
    );
    expect(steps('[{"type": "shell", "commands": ["a"]},]')).toThrow(/is not JSON/);
  });

  it('that is written for the standard’s own container is found to need a root scorer, unless it says otherwise', () => {
    const scorer = 'import metr.task_protected_scoring as scoring\n';
    expect(load({}).tasks.main?.settings.rootScorer).toBe(false);
    expect(load({ 'toy.py': `${scorer}class TaskFamily:\n  pass\n` }).tasks.main?.settings.rootScorer).toBe(true);
    const said = { 'manifest.yaml': 'tasks: { main: {} }\nmeta: { plumbline: { root_scorer: false } }\n', 'score.py': scorer };
    expect(load(said).tasks.main?.settings.rootScorer).toBe(false);
  });

  it('that other people wrote brings a list of what to look for, after its own, whether its scorer is root or not', () => {
    expect(reviewChecklist({ review: ['own'], rootScorer: false }, 're-bench/ours')).toEqual(['own']);
    for (const [rootScorer, familyDir] of [
      [false, '/data/environments/0a1b/theirs'],
      [true, '/data/environments/0a1b/theirs'],
      [true, 'ours'],
    ] as const) {
      const checklist = reviewChecklist({ review: ['own'], rootScorer }, familyDir);
      expect(checklist[0]).toBe('own');
      for (const word of ['process', 'interpreter', 'score.py', 'link', 'changed while', 'copy of /protected', 'its log', 'disk'])
        expect(
          checklist.some((line) => line.includes(word)),
          word,
        ).toBe(true);
    }
  });

  it('names the secrets that it needs', () => {
    const source = 'class TaskFamily:\n    required_environment_variables: list[str] = [\n        "TOY_KEY", \'OTHER\',\n    ]\n';
    expect(load({ 'toy.py': source }).tasks.main?.settings.requiredVariables).toEqual(['TOY_KEY', 'OTHER']);
  });
});

describe('the content hash', () => {
  const files = { 'manifest.yaml': 'tasks: { main: {} }\n', 'toy.py': 'class TaskFamily:\n  pass\n', 'assets/a.txt': 'a' };

  it('is that of the files alone, wherever the folder lies, and leaves out what Python writes', () => {
    const first = family(files);
    const second = family({ ...files, '__pycache__/toy.pyc': 'x', 'assets/__pycache__/b.pyc': 'y' });
    expect(contentHash(second)).toBe(contentHash(first));
    expect(loadFamily(first)).toMatchObject({ family: 'toy', module: 'toy', contentHash: contentHash(first) });
  });

  it('changes with a byte, a name and an executable bit', () => {
    const hashes = [family(files), family({ ...files, 'assets/a.txt': 'b' }), family({ ...files, 'assets/b.txt': '' })].map(contentHash);
    const executable = family(files);
    chmodSync(join(executable, 'assets/a.txt'), 0o755);
    expect(new Set([...hashes, contentHash(executable)]).size).toBe(4);
  });
});

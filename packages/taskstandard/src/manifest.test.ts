import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { contentHash, loadFamily } from './family.ts';
import { loadManifest, ManifestError } from './manifest.ts';

const made: string[] = [];

function family(files: Record<string, string>): string {
  const base = mkdtempSync(join(tmpdir(), 'plumbline-manifest-'));
  made.push(base);
  const dir = join(base, 'toy');
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

  it('takes an overlay’s settings over those of a family that stays unchanged', () => {
    const dir = family({ 'manifest.yaml': 'tasks: { main: {} }\n' });
    const overlayFile = join(dir, '..', 'toy.yaml');
    writeFileSync(
      overlayFile,
      'meta: { plumbline: { direction: lower } }\ntasks: { main: { meta: { plumbline: { starting_score: 2 } } } }\n',
    );
    expect(loadManifest(dir, { overlayFile }).tasks.main?.settings).toMatchObject({ direction: 'lower', startingScore: 2 });
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

import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { loadAttempt } from '@plumbline/database/attempts';
import { makeAttempt, type TemporaryFolder, type TestDatabase, temporaryFolder, testDatabase } from '@plumbline/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

/** `plumb environment` with other people's families: a real git repository, real sandboxes, a real database. */

const MAIN = fileURLToPath(new URL('./main.ts', import.meta.url));

const toy = (more = '') => `
class TaskFamily:
    standard_version = "0.3.0"

    @staticmethod
    def get_tasks():
        return {"main": {}}

    @staticmethod
    def get_instructions(t):
        return "Write a number into answer.txt."

    @staticmethod
    def install():
        import os
        packages = os.path.join(os.environ["PLUMBLINE_ENV"], "lib", "python")
        os.makedirs(packages, exist_ok=True)
        open(os.path.join(packages, "toy_dependency.py"), "w").write("VALUE = 2\\n")

    @staticmethod
    def start(t):
        import os
        open(os.path.join(os.environ["PLUMBLINE_HOME"], "answer.txt"), "w").write("1")

    @staticmethod
    def intermediate_score(t):
        import os, toy_dependency
        return {"score": toy_dependency.VALUE * float(open(os.path.join(os.environ["PLUMBLINE_HOME"], "answer.txt")).read()), "message": {}, "details": {}}

    @staticmethod
    def aggregate_scores(t, log):
        return max(row["score"] for row in log)
${more}`;

const NEEDS_MACHINE = `
    @staticmethod
    def get_aux_vm_spec(t):
        return {"cpu_count_range": [1, 2]}
`;
const NEEDS_SECRET = '    required_environment_variables = ["TOY_KEY"]\n';

let database: TestDatabase;
let folder: TemporaryFolder;
let repository: string;
let commit: string;
let overlay: string;
let secrets: string;

const git = (dir: string, ...args: string[]) =>
  execFileSync('git', ['-C', dir, '-c', 'user.name=t', '-c', 'user.email=t@example.org', ...args], { encoding: 'utf8' }).trim();

beforeAll(async () => {
  database = await testDatabase();
  folder = await temporaryFolder();
  const work = join(folder.path, 'work');
  for (const [name, source] of [
    ['toy', toy()],
    ['toy_machine', toy(NEEDS_MACHINE)],
    ['toy_secret', toy(NEEDS_SECRET)],
    ['toy_time', toy().replace('max(row', 'min(row')],
  ] as const) {
    mkdirSync(join(work, 'families', name), { recursive: true });
    writeFileSync(join(work, 'families', name, `${name}.py`), source);
    writeFileSync(join(work, 'families', name, 'manifest.yaml'), 'version: 2.1.0\ntasks: { main: {} }\n');
  }
  git(work, 'init', '--quiet');
  git(work, 'add', '.');
  git(work, 'commit', '--quiet', '-m', 'families');
  commit = git(work, 'rev-parse', 'HEAD');
  writeFileSync(join(work, 'families/toy/toy.py'), 'broken(\n');
  git(work, 'commit', '--quiet', '-am', 'a later state that nobody asked for');
  repository = join(folder.path, 'repository.git');
  execFileSync('git', ['clone', '--quiet', '--bare', work, repository]);
  secrets = join(folder.path, 'check-secrets');
  writeFileSync(secrets, 'TOY_KEY=hf_only-for-the-install\n');
  overlay = join(folder.path, 'overlay.yaml');
  writeFileSync(
    overlay,
    'families:\n  toy: { meta: { plumbline: { title: Toy, direction: higher, starting_score: 5, reference_score: 9, measured_on: a big machine } } }\n',
  );
});

afterAll(async () => {
  await database.drop();
  await folder.remove();
});

const plumb = (...args: string[]) => plumbWith({}, ...args);

async function plumbWith(settings: Record<string, string>, ...args: string[]): Promise<{ status: number; out: string; error: string }> {
  const child = spawn(process.execPath, [MAIN, 'environment', ...args], {
    env: {
      PATH: process.env.PATH,
      NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE,
      HOME: process.env.HOME,
      DATABASE_URL: database.url,
      PLUMBLINE_DATA_DIR: folder.path,
      ...settings,
    },
  });
  child.stdin.end();
  const [out, error, status] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    new Promise<number>((resolve) => child.on('close', (code) => resolve(code ?? -1))),
  ]);
  return { status, out, error };
}

/** A family of its own, with a manifest and what stands in the place of its install. */
function family(name: string, manifest: string, install = 'pass'): string {
  const dir = join(folder.path, 'checked', name);
  mkdirSync(dir, { recursive: true });
  const source = toy(NEEDS_SECRET)
    .replace('import os\n        packages', `import os\n        ${install}\n        packages`)
    .replace('import os, toy_dependency\n', `import os, toy_dependency\n${REJECTS}`);
  writeFileSync(join(dir, `${name}.py`), source);
  writeFileSync(join(dir, 'manifest.yaml'), manifest);
  return dir;
}
const GOOD =
  'version: 1.0.0\nmeta: { plumbline: { starting_score: 2, reference_score: 9, submission: { paths: [answer.txt] } } }\ntasks: { main: {} }\n';
const REJECTS = `        if not os.path.exists(os.path.join(os.environ["PLUMBLINE_HOME"], "answer.txt")):
            return {"score": float("nan"), "message": {"reason": "answer.txt is missing"}}
`;
/** As a program that draws on its terminal and knows a secret. */
const LOUD = 'print("\\033[2J\\033[1mfetching\\033[0m with", os.environ["TOY_KEY"])';

const add = (...more: string[]) => plumb('add', '--git', repository, '--commit', commit, '--overlay', overlay, ...more);

describe('plumb environment add', () => {
  it('takes a family at one commit, unchanged, tries it in a sandbox, and keeps an overlay’s settings with it', async () => {
    const added = await add('--family', 'toy');
    expect(added).toMatchObject({ status: 0, error: '' });
    const environment = await database.db.prisma.environment.findFirstOrThrow({ where: { family: 'toy' } });
    expect(environment).toMatchObject({ task: 'main', version: '2.1.0', title: 'Toy' });
    expect(environment.settings).toMatchObject({ direction: 'higher', startingScore: 5, rootScorer: false });
    expect(readFileSync(join(environment.familyDir, 'toy.py'), 'utf8')).toBe(toy());
    expect(readdirSync(environment.familyDir).sort()).toEqual(['manifest.yaml', 'toy.py']);
    expect(await add('--family', 'toy')).toMatchObject({ status: 0 });
    expect(await database.db.prisma.environment.count({ where: { family: 'toy' } })).toBe(1);
    const entry = await database.db.prisma.auditEntry.findFirst({ where: { act: 'environment.add' } });
    expect(entry?.after).toMatchObject({ commit, git: repository });
  });

  it('refuses what cannot run here, with the reason, before anybody could be assigned to it', async () => {
    const machine = await add('--family', 'toy_machine');
    expect(machine.status).toBe(2);
    expect(machine.error).toMatch(/toy_machine\/main: .*auxiliary virtual machine, which is not supported/);
    const trusted = await add('--family', 'toy_machine', '--trust');
    expect(trusted.error).toMatch(/get_aux_vm_spec\(\)/);
    const secret = await add('--family', 'toy_secret');
    expect(secret.error).toMatch(/toy_secret\/main: .*TOY_KEY/);
    expect(await database.db.prisma.environment.count({ where: { family: { not: 'toy' } } })).toBe(0);
    const secrets = join(folder.path, 'secrets');
    writeFileSync(secrets, '# of the toy\nTOY_KEY="abc"\n');
    expect(await add('--family', 'toy_secret', '--secrets', secrets)).toMatchObject({ status: 0, error: '' });
    const found = await database.db.prisma.environment.findFirstOrThrow({ where: { family: 'toy_secret' } });
    expect(found.settings).toMatchObject({ requiredVariables: ['TOY_KEY'] });
    expect(JSON.stringify(found)).not.toContain('abc');
  });

  it('refuses a direction that is not the family’s own, which nobody wrote down, and says what to write', async () => {
    const silent = await add('--family', 'toy_time');
    expect(silent.error).toMatch(/toy_time\/main: .*gives 1; best with higher being better is 3.*"direction: lower, aggregation: best"/);
    const told = join(folder.path, 'told.yaml');
    writeFileSync(told, 'families:\n  toy_time: { meta: { plumbline: { direction: lower } } }\n');
    const added = await plumb('add', '--git', repository, '--commit', commit, '--overlay', told, '--family', 'toy_time');
    expect(added).toMatchObject({ status: 0, error: '' });
  });

  it('prints a build as it goes on, and the end of it again where it refuses the family for it, without a secret', async () => {
    const loud = await plumb('add', family('loud', GOOD, LOUD), '--secrets', secrets);
    expect(loud).toMatchObject({ status: 0, error: 'fetching with [secret]\n', out: expect.stringMatching(/^Added loud\/main/) });
    const unbuilt = await plumb('add', family('unbuilt', GOOD, `${LOUD}; raise RuntimeError("no such package")`), '--secrets', secrets);
    expect(unbuilt).toMatchObject({ status: 2, out: '' });
    expect(unbuilt.error).toMatch(
      /^fetching with \[secret\]\nNot added:\n {2}unbuilt\/main: .*no such package[\s\S]*^ {4}fetching with \[secret\]$/m,
    );
  });

  it('wants a whole commit of a repository that can be had', async () => {
    const branch = await plumb('add', '--git', repository, '--commit', 'main');
    expect(branch).toMatchObject({ status: 2 });
    expect(branch.error).toContain('40 hexadecimal digits');
    const unknown = await plumb('add', '--git', repository, '--commit', 'a'.repeat(40));
    expect(unknown.error).toMatch(/could not be had from .*git says/);
    const away = await plumb('add', '--git', join(folder.path, 'nowhere.git'), '--commit', commit);
    expect(away).toMatchObject({ status: 2 });
    expect((await add('--family', 'nothing')).error).toContain('There are: toy, toy_machine, toy_secret, toy_time.');
  });
});

describe('plumb environment check', () => {
  const check = (dir: string, ...more: string[]) => plumb('check', dir, '--secrets', secrets, ...more);

  it('exits with 0 where nothing failed, prints each line as text or all as JSON, and what install() prints beside it, without a secret', async () => {
    const dir = family('sound', GOOD, LOUD);
    const text = await check(dir);
    expect(text).toMatchObject({ status: 0, error: 'fetching with [secret]\n' });
    expect(text.out).toMatch(/^ok {6}main: starting solution: scored 2 in /m);
    for (const place of [[], ['--isolation', 'bubblewrap']]) {
      const json = await check(dir, '--json', ...place);
      expect(json).toMatchObject({ status: 0, error: 'fetching with [secret]\n' });
      const lines = JSON.parse(json.out) as Record<string, unknown>[];
      for (const line of lines) expect(Object.keys(line)).toEqual(['task', 'check', 'status', 'message']);
      expect(lines.map(({ task, check: name, status }) => `${task} ${name} ${status}`)).toEqual(
        expect.arrayContaining(['null manifest ok', 'null install ok', 'main start ok', 'main starting solution ok', 'main direction ok']),
      );
    }
  });

  it('exits with 1 where something has to be mended, and says it with file, key and line, or with the end of what a step printed', async () => {
    const misspelt = family('misspelt', 'version: 1.0.0\ntasks:\n  main:\n    resources: { memory: 4 }\n    scoring: { visible: true }\n');
    const text = await check(misspelt);
    expect(text).toMatchObject({ status: 1, error: '' });
    expect(text.out.split('\n').filter((line) => line !== '')).toEqual([
      expect.stringMatching(/^failed {2}manifest: misspelt\/manifest\.yaml:4: tasks\.main\.resources\.memory: this key is not known/),
      expect.stringMatching(/^failed {2}manifest: misspelt\/manifest\.yaml:5: tasks\.main\.scoring\.visible: this key is not known/),
    ]);
    const json = await check(misspelt, '--json');
    expect(json.status).toBe(1);
    expect(JSON.parse(json.out)).toMatchObject([{ task: null, check: 'manifest', status: 'failed' }, { status: 'failed' }]);
    const broken = family('broken', GOOD, `${LOUD}; raise RuntimeError("no such package")`);
    for (const place of [[], ['--isolation', 'bubblewrap']]) {
      const failed = await check(broken, ...place);
      expect(failed.status).toBe(1);
      expect(failed.error).toContain('fetching with [secret]\n');
      expect(failed.out).toMatch(/^failed {2}.*no such package[\s\S]*^fetching with \[secret\]$/m);
    }
  });

  it('exits with 2 where it could not be carried out, and says what would be right', async () => {
    const wrong = await check(family('sound', GOOD), '--isolation', 'jail');
    expect(wrong).toMatchObject({ status: 2, out: '', error: expect.stringContaining('none, bubblewrap, docker') });
    expect(await plumb('check')).toMatchObject({ status: 2, error: expect.stringContaining("missing required argument 'dir'") });
  });
});

describe('plumb environment calibrate', () => {
  it('keeps mean, deviation and count for this hardware, and attempts on it are normalised by them', async () => {
    await add('--family', 'toy');
    const environment = await database.db.prisma.environment.findFirstOrThrow({ where: { family: 'toy' } });
    const reference = join(folder.path, 'reference');
    mkdirSync(reference, { recursive: true });
    writeFileSync(join(reference, 'answer.txt'), '4');
    const run = ['calibrate', environment.familyDir, '--task', 'main', '--overlay', overlay, '--times', '2', '--profile', 'Tester'];
    const started = await plumb(...run);
    expect(started).toMatchObject({ status: 0, error: '' });
    expect(started.out).toContain('start on Tester: mean 2, standard deviation 0, 2 scores');
    const { attempt, assignmentId } = await makeAttempt(database.db, {});
    await database.db.prisma.assignment.update({ where: { id: assignmentId }, data: { environmentId: environment.id } });
    await database.db.prisma.acceptance.create({ data: { attemptId: attempt.id, passed: true, report: [], profile: 'Tester' } });
    const half = await loadAttempt(database.db, attempt.id);
    expect(half.scale).toMatchObject({ source: 'published', startingScore: 5, referenceScore: 9 });
    expect(half.scale.note).toBe('Normalised by the scores published for a big machine; there is no calibration on Tester.');
    expect(await plumb(...run, '--reference', reference)).toMatchObject({ status: 0, error: '' });
    const whole = await loadAttempt(database.db, attempt.id);
    expect(whole.scale).toMatchObject({ source: 'calibration', note: null });
    expect(whole.settings).toMatchObject({ startingScore: 2, referenceScore: 8 });
    expect(await database.db.prisma.calibration.findFirst({ where: { solution: 'reference' } })).toMatchObject({
      n: 2,
      mean: 8,
      scores: [8, 8],
    });
    expect(readFileSync(join(reference, 'answer.txt'), 'utf8')).toBe('4');
  });
});

describe('plumb environment score', () => {
  it('exits with 0 for a number, with 1 for a score without one and with 2 for what cannot be scored, in text or as JSON', async () => {
    const dir = family('scorable', GOOD);
    const workspace = join(folder.path, 'scored');
    mkdirSync(workspace);
    const score = (...more: string[]) => plumb('score', dir, '--workspace', workspace, '--secrets', secrets, ...more);
    const keys = ['status', 'score', 'message', 'details', 'output', 'durationMs'];
    const none = await score('--task', 'main');
    expect(none).toMatchObject({ status: 1, error: '', out: 'No score: invalid_submission.\n{"reason":"answer.txt is missing"}\n' });
    const json = await score('--task', 'main', '--json');
    expect([json.status, Object.keys(JSON.parse(json.out))]).toEqual([1, keys]);
    writeFileSync(join(workspace, 'answer.txt'), '3');
    const scored = await score('--task', 'main', '--json');
    expect([scored.status, JSON.parse(scored.out)]).toMatchObject([0, { status: 'scored', score: 6 }]);
    expect(await score('--task', 'nothing')).toMatchObject({ status: 2, error: 'scorable has no task nothing. It has: main.\n' });
  });

  it('scores in the installation’s own world, drawn from its seed, as its attempts do: as plain processes and in a sandbox', async () => {
    const dir = join(folder.path, 'seeded');
    mkdirSync(dir);
    const source = toy().replace(
      'open(os.path.join(os.environ["PLUMBLINE_HOME"], "answer.txt")).read()',
      'os.environ["PLUMBLINE_SEED_VALUE"]',
    );
    writeFileSync(join(dir, 'seeded.py'), source);
    writeFileSync(join(dir, 'manifest.yaml'), 'version: 1.0.0\ntasks: { main: {} }\n');
    const secrets = join(folder.path, 'installation');
    writeFileSync(secrets, 'PLUMBLINE_SEED_VALUE=21\nTOY_KEY=abc\n');
    const more = join(folder.path, 'more');
    writeFileSync(more, 'OTHER_KEY=def\n');
    for (const place of [[], ['--isolation', 'bubblewrap'], ['--secrets', more]]) {
      const args = ['score', dir, '--task', 'main', '--workspace', dir, ...place];
      expect(await plumbWith({ PLUMBLINE_SECRETS_FILE: secrets }, ...args)).toMatchObject({
        status: 0,
        error: '',
        out: expect.stringMatching(/^Score: 42$/m),
      });
    }
  });
});

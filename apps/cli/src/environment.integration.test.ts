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
    env: { PATH: process.env.PATH, HOME: process.env.HOME, DATABASE_URL: database.url, PLUMBLINE_DATA_DIR: folder.path, ...settings },
  });
  child.stdin.end();
  const [out, error, status] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    new Promise<number>((resolve) => child.on('close', (code) => resolve(code ?? -1))),
  ]);
  return { status, out, error };
}

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

import { chmod, cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { AttemptSetup } from '@plumbline/protocol';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { RunnerRig } from './runnerRig.fixture.ts';

const FAMILY = fileURLToPath(new URL('../../../environments/practice', import.meta.url));
const WAIT = { timeout: 20_000, interval: 20 };
const BASHRC = `
alias greet='echo hello-from-my-alias > greeted.txt'
PROMPT_COMMAND='PROMPT_COMMAND=later'; later() { true; }
PS0='[ps0]'
trap 'true' DEBUG
`;

const setup = (digit: string, files: Record<string, string>): AttemptSetup => ({
  hash: digit.repeat(64),
  keymap: 'vim',
  files: Object.entries(files).map(([path, text]) => ({ path, text })),
});

let base: string;
let familyDir: string;
const rigs: RunnerRig[] = [];

beforeAll(async () => {
  // The sandbox's user must be able to walk there.
  base = await mkdtemp('/var/tmp/plumbline-setup-');
  await chmod(base, 0o711);
  await mkdir(join(base, 'images'));
  // An environment that has a dotfile of its own.
  familyDir = join(base, 'family');
  await cp(FAMILY, familyDir, { recursive: true });
  const program = join(familyDir, 'practice.py');
  const own =
    '\n_own = open(os.path.join(HOME, ".inputrc"), "w") if os.path.isdir(HOME) and os.access(HOME, os.W_OK) else None\nif _own: _own.write("# of the environment\\n"); _own.close()\n';
  const text = await readFile(program, 'utf8');
  await writeFile(
    program,
    text.replace(/^HOME = .*$/m, (line) => `${line}${own}`),
  );
});

afterEach(async () => {
  for (const rig of rigs.splice(0)) await rig.end();
});

afterAll(async () => {
  await rm(base, { recursive: true, force: true });
});

async function started(
  name: string,
  options: Partial<Parameters<RunnerRig['start']>[0]>,
  blobs?: ReadonlyMap<string, Buffer>,
): Promise<RunnerRig> {
  const rig = new RunnerRig();
  rigs.push(rig);
  for (const [hash, blob] of blobs ?? []) rig.gateway.blobs.set(hash, blob);
  expect(await rig.start({ stateDir: join(base, name), imageDir: join(base, 'images'), familyDir, ...options })).toBeNull();
  return rig;
}

const textOf = async (rig: RunnerRig, path: string) => (await rig.gateway.call<{ text: string }>('file.read', { path })).text;

describe('the participant’s setup', () => {
  it.each(['bubblewrap', 'none'] as const)(
    'lies in the home folder before the clock, is recorded, and bash has it while commands are recorded (%s)',
    async (isolation) => {
      const rig = await started(`first-${isolation}`, {
        isolation,
        setup: setup('a', { '.bashrc': BASHRC, '.config/tool/settings': 'x = 1\n', '.inputrc': 'set bell-style none\n' }),
      });
      const [applied] = rig.gateway.eventsOf('setup.applied');
      expect(applied?.data).toEqual({
        hash: 'a'.repeat(64),
        keymap: 'vim',
        files: [
          { path: '.bashrc', size: Buffer.byteLength(BASHRC), hash: expect.stringMatching(/^[0-9a-f]{64}$/), text: BASHRC },
          { path: '.config/tool/settings', size: 6, hash: expect.stringMatching(/^[0-9a-f]{64}$/), text: 'x = 1\n' },
        ],
        omitted: [{ path: '.inputrc', reason: expect.stringContaining('the environment has a file of this name') }],
      });
      expect(await textOf(rig, '.inputrc')).toBe('# of the environment\n');
      // The first snapshot has them.
      const [snapshot] = rig.gateway.eventsOf('snapshot.taken');
      expect(snapshot?.n ?? 0).toBeGreaterThan(applied?.n ?? Number.POSITIVE_INFINITY);
      expect(await rig.gateway.call('file.textAt', { path: '.bashrc', commit: snapshot?.data.commit })).toMatchObject({ text: BASHRC });

      await rig.type('greet');
      const commands = () => rig.gateway.events.filter(({ type }) => type.startsWith('command.'));
      await vi.waitFor(() => expect(commands()).toHaveLength(2), WAIT);
      await rig.type('(exit 7)');
      await vi.waitFor(() => expect(commands()).toHaveLength(4), WAIT);
      expect(commands().map(({ data }) => data.text ?? data.exitCode)).toEqual(['greet', 0, '(exit 7)', 7]);
      expect(await textOf(rig, 'greeted.txt')).toBe('hello-from-my-alias\n');
    },
  );

  it('follows what is changed until the clock starts, and not any more afterwards', async () => {
    const rig = await started('changed', { setup: setup('a', { '.bashrc': '# one\n', '.vimrc': 'set number\n' }) });
    const apply = (to: AttemptSetup) => rig.gateway.call('setup.apply', { setup: to });
    await apply(setup('b', { '.bashrc': '# two\n', '.tmux.conf': 'set -g mouse on\n' }));
    await apply(setup('b', { '.bashrc': '# two\n', '.tmux.conf': 'set -g mouse on\n' }));
    expect(rig.gateway.eventsOf('setup.applied').map(({ data }) => data.hash)).toEqual(['a'.repeat(64), 'b'.repeat(64)]);
    expect(await textOf(rig, '.bashrc')).toBe('# two\n');
    expect(await textOf(rig, '.tmux.conf')).toBe('set -g mouse on\n');
    await expect(textOf(rig, '.vimrc')).rejects.toThrow('not_found');
    // A path that no check of the platform's would have let through leads nowhere.
    await apply(setup('c', { '../outside': 'x', '.git/hooks/x': 'x' }));
    expect(rig.gateway.eventsOf('setup.applied').at(-1)?.data).toMatchObject({
      files: [],
      omitted: [{ path: '../outside' }, { path: '.git/hooks/x' }],
    });
    await rig.sh('true');
    await expect(apply(setup('d', { '.bashrc': '# late\n' }))).rejects.toThrow('conflict: The clock has started');
    await expect(textOf(rig, '.bashrc')).rejects.toThrow('not_found');
  });

  it('is there again in a sandbox that is made anew, as the participant left it', async () => {
    const given = setup('a', { '.bashrc': '# given\n', '.vimrc': 'set number\n', '.tmux.conf': '# given\n' });
    const first = await started('lost', { setup: given });
    await first.sh('echo "# mine" >> .bashrc; rm .tmux.conf');
    await first.gateway.call('hibernate');
    const bundles = first.gateway
      .eventsOf('snapshot.taken')
      .flatMap(({ data }) => (data.bundle === undefined ? [] : [data.bundle as string]));
    expect(bundles.length).toBeGreaterThan(1);
    await first.end();
    const again = await started('elsewhere', { setup: given, restore: { bundles, lastTerminal: 1 } }, first.gateway.blobs);
    expect(await textOf(again, '.bashrc')).toBe('# given\n# mine\n');
    expect(await textOf(again, '.vimrc')).toBe('set number\n');
    await expect(textOf(again, '.tmux.conf')).rejects.toThrow('not_found');
    await again.end();
    // Lost before there was any snapshot, it has what was given.
    const bare = await started('bare', { setup: given, restore: { bundles: [], lastTerminal: 0 } });
    expect(await textOf(bare, '.tmux.conf')).toBe('# given\n');
  });
});

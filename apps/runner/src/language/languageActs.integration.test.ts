import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { RunnerRig } from '../runnerRig.fixture.ts';

/** The help for Python, through a real runner, in a real sandbox. */

const PRACTICE = fileURLToPath(new URL('../../../../environments/practice', import.meta.url));
/** A server that starts is asked again until it answers, as a page does. */
const STARTING = { timeout: 60_000, interval: 200 };
const OTHER = 'def double(number: int) -> int:\n    """Twice the number."""\n    return 2 * number\n';
const MAIN = 'import os\nfrom other import double\n\nvalue = double("four")\nvalue.bit_\nos.getcwd()\n';

let base: string;
const rig = new RunnerRig();
const ask = <T>(act: string, args: object) => rig.gateway.call<T>(`language.${act}`, args);
const at = (line: number, column: number) => ({ path: 'main.py', line, column });
const problems = async () => (await ask<{ problems: { message: string }[] }>('diagnose', { path: 'main.py' })).problems;

beforeAll(async () => {
  base = await mkdtemp('/var/tmp/plumbline-language-');
  await chmod(base, 0o711);
  expect(await rig.start({ stateDir: join(base, 'state'), imageDir: join(base, 'images'), familyDir: PRACTICE })).toBeNull();
  await rig.sh(`printf '%b' '${OTHER.replaceAll('\n', '\\n').replaceAll("'", '')}' > other.py`);
  await ask('sync', { path: 'main.py', text: MAIN });
  await vi.waitFor(problems, STARTING);
});
afterAll(async () => {
  await rig.end();
  await rm(base, { recursive: true, force: true });
});

describe('the help for Python', () => {
  it('knows the workspace and the standard library: problems, explanations, completions, definitions, signatures', async () => {
    expect((await problems()).map(({ message }) => message).join('\n')).toMatch(/"Literal\['four'\]"|"str" is not assignable to "int"/);
    const hover = await ask<{ text: string }>('hover', at(4, 11));
    expect(hover.text).toContain('double(number: int) -> int');
    expect(hover.text).toContain('Twice the number.');
    const { items } = await ask<{ items: { label: string }[] }>('complete', at(5, 11));
    expect(items.map(({ label }) => label)).toContain('bit_length');
    expect(await ask('define', at(4, 11))).toEqual({ places: [{ path: 'other.py', library: false, line: 1, column: 5 }] });
    expect(await ask('define', at(6, 6))).toMatchObject({
      places: [{ path: expect.stringMatching(/\/os\/__init__\.pyi$/), library: true }],
    });
    expect(await ask('signature', at(4, 16))).toMatchObject({ signatures: [{ label: '(number: int) -> int' }], parameter: 0 });
    await expect(ask('hover', { ...at(1, 1), path: '../../etc/passwd' })).rejects.toThrow('invalid_input');
  });

  it('shows the source of a library that a definition named, answers about it, and shows no other file', async () => {
    const passwd = ask('source', { path: '/etc/passwd' });
    await expect(passwd).rejects.toThrow('not_found');
    await ask('sync', { path: 'uses.py', text: 'import json\n\njson.dumps({})\n' });
    const { places } = await ask<{ places: { path: string; library: boolean; line: number }[] }>('define', {
      ...{ path: 'uses.py', line: 3, column: 7 },
    });
    const [place] = places;
    expect(place).toMatchObject({ path: expect.stringMatching(/\/json\/__init__\.py$/), library: true });
    const path = place?.path ?? '';
    const { text, partial } = await ask<{ text: string; partial: boolean }>('source', { path });
    expect(text.split('\n')[(place?.line ?? 0) - 1]).toMatch(/^def dumps\(/);
    expect(partial).toBe(false);
    // From there it goes on.
    await ask('sync', { path, text });
    const line = text.split('\n').findIndex((one) => one.startsWith('from .encoder import JSONEncoder')) + 1;
    expect(await ask('define', { path, line, column: 25 })).toMatchObject({
      places: [{ path: expect.stringMatching(/\/json\/encoder\.py$/), library: true }],
    });
    await ask('close', { path });
    await ask('close', { path: 'uses.py' });
  });

  it('knows the packages of the workspace’s environment once it is there, and of another Python once it is chosen', async () => {
    const UNKNOWN = 'Import "only_here" could not be resolved';
    const said = async () => (await problems()).map(({ message }) => message).join();
    await ask('sync', { path: 'main.py', text: 'import only_here\n\nonly_here.answer()\n' });
    await vi.waitFor(async () => expect(await said()).toContain(UNKNOWN), STARTING);
    await rig.sh('python3 -m venv --without-pip .venv && echo "def answer(): ..." > $(echo .venv/lib/python3*/site-packages)/only_here.py');
    await vi.waitFor(async () => expect(await said()).toBe(''), STARTING);
    const { interpreters, used, chosen } = await ask<{
      interpreters: { path: string; version: string }[];
      used: string;
      chosen: boolean;
    }>('interpreters', {});
    expect([used, chosen]).toEqual([expect.stringMatching(/\/\.venv\/bin\/python$/), false]);
    expect(interpreters[0]).toEqual({ path: used, version: expect.stringMatching(/^3\./) });
    const other = interpreters.find(({ path }) => path.startsWith('/usr/'))?.path ?? '';
    await ask('useInterpreter', { path: other });
    expect(await ask('interpreters', {})).toMatchObject({ used: other, chosen: true });
    await vi.waitFor(async () => expect(await said()).toContain(UNKNOWN), STARTING);
    await expect(ask('useInterpreter', { path: '/nowhere/bin/python' })).rejects.toThrow('not_found');
    await ask('useInterpreter', { path: null });
    await vi.waitFor(async () => expect(await said()).toBe(''), STARTING);
    await ask('sync', { path: 'main.py', text: MAIN });
  });

  it('names what a text defines, with what lies in what', async () => {
    const text = 'import os\n\nclass Net:\n    width = 3\n\n    def forward(self):\n        return 1\n\ndef main():\n    pass\n';
    await ask('sync', { path: 'net.py', text });
    const { symbols } = await ask<{ symbols: { label: string; depth: number; name: { from: { line: number; column: number } } }[] }>(
      'symbols',
      {
        path: 'net.py',
      },
    );
    expect(symbols.map((one) => `${'-'.repeat(one.depth)}${one.label} ${one.name.from.line}:${one.name.from.column}`)).toEqual([
      'Net 3:7',
      '-width 4:5',
      '-forward 6:9',
      'main 9:5',
    ]);
    await ask('close', { path: 'net.py' });
  });

  it('finds where a name is used, saved or not, and says what to change for another name, in files of the workspace alone', async () => {
    await rig.sh("printf 'from other import double\\n\\ndouble(1)\\n' > third.py");
    type Use = { path: string; library: boolean; line: number; column: number; length: number; text: string };
    await vi.waitFor(async () => {
      const { uses, truncated } = await ask<{ uses: Use[]; truncated: boolean }>('uses', at(4, 11));
      expect(uses.map(({ path, line, column, text }) => `${path}:${line}:${column} ${text}`).sort()).toEqual([
        'main.py:2:19 from other import double',
        'main.py:4:9 value = double("four")',
        'other.py:1:5 def double(number: int) -> int:',
        'third.py:1:19 from other import double',
        'third.py:3:1 double(1)',
      ]);
      expect(uses).toMatchObject(uses.map(() => ({ library: false, length: 'double'.length })));
      expect(truncated).toBe(false);
    }, STARTING);
    const rename = (place: object, name: string) => ask<{ files: { path: string; edits: object[] }[] }>('rename', { ...place, name });
    expect(await rename(at(4, 11), 'twice')).toEqual({ files: [] });
    await rig.sh('touch main.py');
    await vi.waitFor(async () => expect((await rename(at(4, 11), 'twice')).files).toHaveLength(3), STARTING);
    const { files } = await rename(at(4, 11), 'twice');
    const edit = (line: number, column: number) => ({ from: { line, column }, to: { line, column: column + 6 }, text: 'twice' });
    expect(files.sort((a, b) => a.path.localeCompare(b.path))).toEqual([
      { path: 'main.py', edits: [edit(2, 19), edit(4, 9)] },
      { path: 'other.py', edits: [edit(1, 5)] },
      { path: 'third.py', edits: [edit(1, 19), edit(3, 1)] },
    ]);
    // A name of a library is not this person's to change.
    expect(await rename(at(6, 6), 'where')).toEqual({ files: [] });
    await rig.sh('rm main.py third.py');
  });

  it('learns what other programs write, and of an edit that is not saved', async () => {
    await rig.sh('sed -i s/double/triple/ other.py');
    await vi.waitFor(
      async () => expect((await problems()).map(({ message }) => message).join()).toContain('"double" is unknown'),
      STARTING,
    );
    await ask('sync', { path: 'main.py', text: 'value: int = 3\n' });
    expect(await problems()).toEqual([]);
  });

  it('comes back after it was killed, with the texts that were open, and answers nothing meanwhile', async () => {
    await ask('sync', { path: 'main.py', text: 'value: int = "three"\n' });
    expect(await problems()).toHaveLength(1);
    // Asked while it lives: what is asked after its death may find it back.
    await rig.sh('pkill -STOP -f ^language-server');
    const asked = expect(problems()).rejects.toThrow('unavailable');
    await rig.sh('pkill -KILL -f ^language-server');
    await asked;
    await vi.waitFor(async () => expect(await problems()).toHaveLength(1), STARTING);
    expect(await rig.gateway.call('sandbox.processes')).not.toMatchObject({
      processes: expect.arrayContaining([expect.objectContaining({ command: expect.stringContaining('language-server') })]),
    });
  });

  it('says of a text that was never told, or was closed elsewhere, that it does not know it', async () => {
    await expect(ask('hover', { ...at(1, 1), path: 'other.py' })).rejects.toThrow('not_found');
    await ask('close', { path: 'main.py' });
    await expect(problems()).rejects.toThrow('not_found');
    await ask('sync', { path: 'main.py', text: 'value: int = "three"\n' });
    expect(await problems()).toHaveLength(1);
  });

  it('makes room before the participant’s programs come to the limit of memory, and comes back when they have ended', async () => {
    await ask('sync', { path: 'main.py', text: 'value: int = "four"\n' });
    await vi.waitFor(async () => expect(await problems()).toHaveLength(1), STARTING);
    // Alone it has room; beside the server it has not, and comes to the limit slowly enough for a runner that waits for its turn.
    const work = [
      'import os, time',
      'held = []',
      'for n in range(17):',
      '    held.append(bytes([1]) * (50 * 1024 ** 2))',
      '    time.sleep(0.1 if n < 12 else 0.4)',
      'os.mkdir("held")',
      'while os.path.exists("held"): time.sleep(0.05)',
    ];
    await rig.sh(`printf '%s\\n' ${work.map((line) => `'${line}'`).join(' ')} > work.py`);
    await rig.sh('python3 work.py & until [ -d held ] || ! kill -0 $!; do sleep 0.1; done; [ -d held ] && touch lived');
    await expect(problems()).rejects.toThrow('Memory is short');
    // A server that the signal does not reach ends with its input, a moment after it is away.
    await rig.sh('while pgrep -f ^language-server; do sleep 0.1; done; ls lived && rmdir held');
    await vi.waitFor(async () => expect(await problems()).toHaveLength(1), STARTING);
  });
});

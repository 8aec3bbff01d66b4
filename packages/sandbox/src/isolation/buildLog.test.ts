import { BUILD_LOG_LINE_CHARACTERS } from '@plumbline/protocol';
import { expect, it } from 'vitest';
import { runHostCommand } from '../host/hostProcess.ts';
import { failureLines, hidden, logLine, passwordsIn } from './buildLog.ts';
import { installExec } from './image.ts';

const SECRET = 'hf_only-for-the-install';

/** What is told of a script that an install runs, with a secret in its environment. */
async function toldOf(script: string, env: Record<string, string> = { KEY: SECRET }): Promise<{ told: string[]; printed: string }> {
  const told: string[] = [];
  const exec = installExec({ env, onLog: (line) => told.push(line) }, ([file = '', ...args], run) =>
    runHostCommand({ file, args, env: { PATH: process.env.PATH ?? '', ...env }, cwd: '/' }, run, async () => null),
  );
  const done = await exec(['/bin/bash', '--norc', '-c', script], { timeoutMs: 30_000, maxOutputBytes: 1e6 });
  return { told, printed: Buffer.concat([done.stdout, done.stderr]).toString() };
}

it('every line that a build prints is told as it comes, those of a bar that draws itself anew and the last one without an end too', async () => {
  const { told } = await toldOf('echo one; printf "10 %%\\r20 %%\\r"; echo oops >&2; printf last');
  expect([...told].sort()).toEqual(['10 %', '20 %', 'last', 'one', 'oops']);
});

it('a secret is nowhere in it, at whatever place of however long a line it stands, in colours or in lines of its own', async () => {
  for (const before of [0, BUILD_LOG_LINE_CHARACTERS - 10, 1_995, 64 * 1024 - 10]) {
    const others = `head -c ${before} /dev/zero | tr '\\0' x`;
    for (const script of [`${others}; echo "$KEY"`, `printf %s "$KEY"; ${others}; echo`]) {
      const { told, printed } = await toldOf(script);
      expect(told).toHaveLength(1);
      for (const text of [told.join(), printed])
        for (const part of [SECRET.slice(0, 6), SECRET.slice(-7)]) expect(text).not.toContain(part);
    }
  }
  expect((await toldOf('echo "hf_only-\u001b[1mfor-the-install"')).told).toEqual(['[secret]']);
  const key = { KEY: '-----BEGIN-----\nfirst-half\nsecond-half' };
  expect((await toldOf('echo "$KEY"', key)).told).toEqual(['[secret]', '[secret]', '[secret]']);
  const mirror = { PIP_INDEX_URL: 'https://builder:pass-word@mirror.invalid/simple https://other.invalid' };
  expect(logLine('Looking in https://builder:pass-word@mirror.invalid', hidden(passwordsIn(mirror)))).toBe(
    'Looking in https://builder:[secret]@mirror.invalid',
  );
});

it('nothing in it moves a terminal’s cursor, sets its title, or turns the text of a page around', () => {
  expect(logLine('\u001b[2J\u001b[31mred\u001b[0m \u001b]0;title\u0007done\b\u0000 \u202Eevil\u2066 a\tb\u2028c')).toBe(
    'red done evil a  bc',
  );
  expect(logLine('é 漢字 🙂 <script>')).toBe('é 漢字 🙂 <script>');
  expect(logLine('x'.repeat(10_000))).toHaveLength(BUILD_LOG_LINE_CHARACTERS);
});

it('a line without an end is not kept in memory, and what comes after it is told again', async () => {
  const { told } = await toldOf(`head -c 3000000 /dev/zero | tr '\\0' x; echo; echo after`);
  expect(told).toEqual(['(a line that is too long to be shown)', 'after']);
});

it('a failure is told in the words of the error and the end of what its cause says, without secrets', () => {
  const error = new Error('A build step failed.', { cause: new Error(`one\ntwo \u001b[1m${SECRET}\n\nthree`) });
  expect(failureLines(error, [SECRET], 3)).toEqual(['A build step failed.', 'two [secret]', 'three']);
});

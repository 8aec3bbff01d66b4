import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '@plumbline/core';
import { LANGUAGE_INTERPRETERS_MAX, LANGUAGE_LABEL_MAX_LENGTH, type RequestResult } from '@plumbline/protocol';
import type { Sandbox } from '@plumbline/sandbox';
import { replaceFile } from '@plumbline/storage';

/**
 * Which Python the help for Python asks for its packages. Everything is looked for in the participant's view, where the
 * language server runs it too: what is found there is the participant's own.
 */

/** Folders of the workspace that hold one by custom, the first that is there before all others. */
const USUAL = ['.venv', 'venv'] as const;
const FALLBACK = 'python3';
const LOOK_TIMEOUT_MS = 10_000;
const LOOK_MAX_BYTES = 256 * 1024;
const PATH_MAX_LENGTH = 4_096;
const CHOICE_FILE = 'python';

/** Prints the first of its arguments that can be run, or else what PATH has. */
const FIRST =
  'for python in "$@"; do if [ -f "$python" ] && [ -x "$python" ]; then printf %s "$python"; exit 0; fi; done; command -v python3';
/** Prints what each Python is a link to, its path and its version: first those of folders of $1, then those of PATH. */
const ALL = `
tell() {
  [ -f "$1" ] && [ -x "$1" ] || return 0
  printf '%s\\0%s\\0%s\\0' "$2" "$1" "$("$1" -I -S -V 2>&1 </dev/null | head -c 100)"
}
for python in "$1"/.venv/bin/python "$1"/venv/bin/python "$1"/*/bin/python "$1"/.[!.]*/bin/python; do tell "$python" "$python"; done
IFS=:
for dir in $PATH; do
  for python in "$dir"/python3 "$dir"/python3.[0-9] "$dir"/python3.[0-9][0-9]; do tell "$python" "$(readlink -f "$python")"; done
done`;

export class PythonInterpreters {
  readonly #sandbox: Pick<Sandbox, 'run' | 'paths'>;
  readonly #choiceFile: string;

  /** The person's choice is kept in `stateDir`. */
  constructor({ sandbox, stateDir }: { sandbox: Pick<Sandbox, 'run' | 'paths'>; stateDir: string }) {
    this.#sandbox = sandbox;
    this.#choiceFile = join(stateDir, CHOICE_FILE);
  }

  /** The one that is used: what was chosen while it is there, else that of the workspace's environment, else the sandbox's own. */
  async used(): Promise<string> {
    const { home } = this.#sandbox.paths;
    const chosen = await this.#chosen();
    const found = USUAL.map((dir) => join(home, dir, 'bin/python'));
    const printed = await this.#look(FIRST, ...(chosen === null ? found : [chosen, ...found])).catch(() => null);
    return printed?.toString().trim() || FALLBACK;
  }

  /** All that are found, each once. */
  async list(): Promise<RequestResult<'language.interpreters'>> {
    const [printed, used, chosen] = await Promise.all([this.#look(ALL, this.#sandbox.paths.home), this.used(), this.#chosen()]);
    const words = printed.toString().split('\0');
    const interpreters = new Map<string, { path: string; version: string }>();
    for (let at = 0; at + 3 < words.length && interpreters.size < LANGUAGE_INTERPRETERS_MAX; at += 3) {
      const [same = '', path = '', said = ''] = words.slice(at, at + 3);
      const version = said.replace(/^Python /, '').trim();
      if (path !== '' && path.length <= PATH_MAX_LENGTH && !interpreters.has(same))
        interpreters.set(same, { path, version: version.slice(0, LANGUAGE_LABEL_MAX_LENGTH) });
    }
    return { interpreters: [...interpreters.values()], used, chosen: chosen === used };
  }

  /** @throws AppError `not_found` where there is none at this path. */
  async choose(path: string | null): Promise<void> {
    if (path === null) return rm(this.#choiceFile, { force: true });
    const printed = await this.#look(FIRST, path);
    if (printed.toString() !== path) throw new AppError('not_found', 'There is no Python at this path any more.');
    await replaceFile(this.#choiceFile, path, 0o600);
  }

  #chosen(): Promise<string | null> {
    return readFile(this.#choiceFile, 'utf8').catch(() => null);
  }

  async #look(script: string, ...words: string[]): Promise<Buffer> {
    const argv = ['/bin/sh', '-c', script, 'sh', ...words];
    return (await this.#sandbox.run('participant', argv, { timeoutMs: LOOK_TIMEOUT_MS, maxOutputBytes: LOOK_MAX_BYTES })).stdout;
  }
}

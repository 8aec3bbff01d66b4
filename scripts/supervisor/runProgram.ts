import { spawn } from 'node:child_process';

export interface RunOptions {
  cwd: string;
  env?: NodeJS.ProcessEnv;
  signal?: AbortSignal;
  /** Shows its output only when it fails. */
  quiet?: boolean;
}

/** Runs a program to its end, which the event loop does not wait for blindly: an abort ends it. Returns its standard output. */
export function runProgram(file: string, args: string[], options: RunOptions): Promise<string> {
  const { cwd, env = process.env, signal, quiet } = options;
  return new Promise((done, fail) => {
    const child = spawn(file, args, { cwd, env, signal, stdio: quiet ? ['ignore', 'pipe', 'pipe'] : ['ignore', 'inherit', 'inherit'] });
    const output: Buffer[] = [];
    const all: Buffer[] = [];
    child.stdout?.on('data', (bytes: Buffer) => {
      output.push(bytes);
      all.push(bytes);
    });
    child.stderr?.on('data', (bytes: Buffer) => all.push(bytes));
    child.once('error', fail);
    child.once('close', (code) => {
      if (code === 0) return done(Buffer.concat(output).toString());
      if (quiet) process.stderr.write(Buffer.concat(all));
      fail(new Error(`${[file, ...args].join(' ')} failed: see above.`));
    });
  });
}

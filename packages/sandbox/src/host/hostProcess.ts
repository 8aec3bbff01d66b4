import { spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import type { HostCommand, RunOptions, RunResult } from '../isolation/isolation.ts';
import { endTree, signalProcess } from './processTable.ts';

/** After a command ended, a process it left behind may hold its pipes open; then no more than this is waited for them. */
const DRAIN_MS = 500;
const DRAIN_MAX_MS = 10_000;
/** A longer line is not told: cut anywhere, it could show half of what a caller hides. */
const LINE_MAX_CHARACTERS = 64 * 1024;

class CappedOutput {
  readonly #chunks: Buffer[] = [];
  #left: number;
  truncated = false;

  constructor(maxBytes: number) {
    this.#left = maxBytes;
  }

  push(chunk: Buffer): void {
    if (chunk.length > this.#left) this.truncated = true;
    const kept = chunk.subarray(0, this.#left);
    this.#left -= kept.length;
    if (kept.length > 0) this.#chunks.push(kept);
  }

  bytes(): Buffer {
    return Buffer.concat(this.#chunks);
  }
}

/** Calls `onLine` with each whole line of what comes, the last one too where nothing ends it. */
function readLines(stream: Readable, onLine: (line: string) => void): void {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  let isTooLong = false;
  const tell = (line: string) => {
    if (isTooLong || line.length > LINE_MAX_CHARACTERS) onLine('(a line that is too long to be shown)');
    else if (line.trim() !== '') onLine(line);
    isTooLong = false;
  };
  stream.on('data', (chunk: Buffer) => {
    const lines = (rest + decoder.write(chunk)).split(/[\r\n]+/);
    rest = lines.pop() ?? '';
    for (const line of lines) tell(line);
    if (rest.length <= LINE_MAX_CHARACTERS) return;
    isTooLong = true;
    rest = '';
  });
  stream.once('close', () => tell(rest));
}

/**
 * Runs a host command to its end, with limits on time and output. `outOfMemoryKills` is asked before and after.
 * Never rejects for what the command does; rejects where it could not be started at all.
 */
export async function runHostCommand(
  command: HostCommand,
  options: RunOptions,
  outOfMemoryKills: () => Promise<number | null>,
): Promise<RunResult> {
  const started = performance.now();
  const killsBefore = (await outOfMemoryKills()) ?? 0;
  // A session of its own: an interrupt at the terminal that started the runner does not reach it.
  const child = spawn(command.file, command.args, { cwd: command.cwd, env: command.env, stdio: 'pipe', detached: true });
  const stdout = new CappedOutput(options.maxOutputBytes);
  const stderr = new CappedOutput(options.maxOutputBytes);
  let timedOut = false;
  let ending: Promise<void> | undefined;
  const end = () => {
    const { pid } = child;
    if (pid === undefined || ending !== undefined) return;
    // The group too: without isolation what the command left to itself is in it, and nowhere else.
    ending = endTree(pid).then(() => signalProcess(-pid, 'SIGKILL'));
  };
  const timer = setTimeout(() => {
    timedOut = true;
    end();
  }, options.timeoutMs);
  options.signal?.addEventListener('abort', end, { once: true });
  if (options.signal?.aborted) end();

  for (const [stream, output] of [
    [child.stdout, stdout],
    [child.stderr, stderr],
  ] as const) {
    stream.on('data', (chunk: Buffer) => {
      output.push(chunk);
      if (output.truncated && options.endsAtMaxOutput) end();
    });
  }
  const { onLine } = options;
  if (onLine) for (const name of ['stdout', 'stderr'] as const) readLines(child[name], (line) => onLine(line, name));
  // A command that does not read its input closes the pipe; that is its right.
  child.stdin.on('error', () => undefined);
  child.stdin.end(options.input ?? '');
  try {
    const [exitCode, signal] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code, name) => resolve([code, name]));
      child.once('exit', () => {
        clearTimeout(timer);
        const letGo = () => {
          child.stdout.destroy();
          child.stderr.destroy();
        };
        const drain = setTimeout(letGo, DRAIN_MS);
        // What was written before the end is still taken, however slowly this process gets to it.
        child.stdout.on('data', () => drain.refresh());
        setTimeout(letGo, DRAIN_MAX_MS).unref();
        child.once('close', () => clearTimeout(drain));
      });
    });
    await ending;
    return {
      exitCode: timedOut ? null : exitCode,
      signal,
      stdout: stdout.bytes(),
      stderr: stderr.bytes(),
      timedOut,
      truncated: stdout.truncated || stderr.truncated,
      outOfMemory: ((await outOfMemoryKills()) ?? 0) > killsBefore,
      durationMs: Math.round(performance.now() - started),
    };
  } finally {
    clearTimeout(timer);
    options.signal?.removeEventListener('abort', end);
  }
}

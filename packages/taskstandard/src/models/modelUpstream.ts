import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';

/** Who answers the calls of a model proxy: a provider's OpenAI-compatible endpoint, or a stand-in that a family brings. */

export interface UpstreamAnswer {
  /** As HTTP has them; 200 carries a chat completion, everything else an error of the provider's. */
  status: number;
  body: unknown;
}

export interface ModelUpstream {
  /** Never rejects: what could not be asked is a 502 with the reason. */
  complete(request: Record<string, unknown>): Promise<UpstreamAnswer>;
  close(): void;
}

/** Where a provider is and what it wants to see. */
export interface ModelEndpoint {
  /** Base address, such as https://models.example.org/v1. */
  url: string;
  key: string;
}

const ANSWER_WITHIN_MS = 120_000;
const ANSWER_MAX_BYTES = 8 * 1024 * 1024;
/** A provider that is busy or stumbles is asked again before anybody is told. */
const RETRY_AFTER_MS = [1_000, 4_000];

function failure(status: number, message: string): UpstreamAnswer {
  return { status, body: { error: { message } } };
}

export function endpointUpstream(endpoint: ModelEndpoint): ModelUpstream {
  const ask = async (request: Record<string, unknown>): Promise<UpstreamAnswer> => {
    try {
      const response = await fetch(`${endpoint.url.replace(/\/+$/, '')}/chat/completions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${endpoint.key}` },
        body: JSON.stringify(request),
        signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
      });
      const text = await response.text();
      if (text.length > ANSWER_MAX_BYTES) return failure(502, 'The provider’s answer was too long.');
      return { status: response.status, body: JSON.parse(text) };
    } catch (error) {
      return failure(502, `The provider could not be asked: ${(error as Error).message}`);
    }
  };
  return {
    async complete(request) {
      let answer = await ask(request);
      for (const waitMs of RETRY_AFTER_MS) {
        if (answer.status !== 429 && answer.status < 500) break;
        await sleep(waitMs);
        answer = await ask(request);
      }
      return answer;
    },
    close() {},
  };
}

/** A command line that starts a stand-in: requests in and completions out, a JSON object a line, matched by `id`. */
export interface StandInCommand {
  file: string;
  args: string[];
  env: Record<string, string>;
  cwd: string;
}

export function standInUpstream(command: StandInCommand): ModelUpstream {
  const waiting = new Map<number, (answer: UpstreamAnswer) => void>();
  let nextId = 1;
  let child: ChildProcess | null = null;
  let errors = '';
  const ended = (reason: string) => {
    child = null;
    for (const answer of waiting.values()) answer(failure(502, reason));
    waiting.clear();
  };
  const start = (): ChildProcess => {
    const started = spawn(command.file, command.args, {
      cwd: command.cwd,
      env: command.env,
      stdio: ['pipe', 'pipe', 'pipe'],
      detached: true,
    });
    started.once('error', (error) => ended(`The stand-in model could not be started: ${error.message}`));
    started.once('exit', (code) => ended(`The stand-in model ended with ${code}: ${errors.trim().slice(-400)}`));
    started.stdin?.on('error', () => undefined);
    started.stderr?.on('data', (chunk: Buffer) => {
      errors = (errors + chunk.toString()).slice(-4000);
    });
    createInterface({ input: started.stdout as NodeJS.ReadableStream }).on('line', (line) => {
      try {
        const { id, status, body } = JSON.parse(line) as { id: number; status: number; body: unknown };
        waiting.get(id)?.({ status, body });
        waiting.delete(id);
      } catch {
        // What it prints besides is not for anybody.
      }
    });
    return started;
  };
  return {
    complete(request) {
      child ??= start();
      const id = nextId++;
      return new Promise((resolve) => {
        waiting.set(id, resolve);
        child?.stdin?.write(`${JSON.stringify({ id, request })}\n`);
      });
    },
    close() {
      if (child?.pid === undefined) return;
      try {
        process.kill(-child.pid, 'SIGKILL');
      } catch {
        // It has ended by itself.
      }
    },
  };
}

import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
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

/** What a stand-in printed before its end is read for no longer than this: a process that it left behind may keep its output open. */
const DRAIN_MS = 5_000;

/** One process of a stand-in, and who waits for its answers. */
interface StandIn {
  readonly child: ChildProcessWithoutNullStreams;
  readonly waiting: Map<number, (answer: UpstreamAnswer) => void>;
}

export function standInUpstream(command: StandInCommand): ModelUpstream {
  let nextId = 1;
  let current: StandIn | null = null;
  const start = (): StandIn => {
    const child = spawn(command.file, command.args, { cwd: command.cwd, env: command.env, stdio: 'pipe', detached: true });
    const waiting: StandIn['waiting'] = new Map();
    const started = { child, waiting };
    let errors = '';
    const takesNoMore = () => {
      if (current === started) current = null;
    };
    const ended = (reason: string) => {
      takesNoMore();
      for (const answer of waiting.values()) answer(failure(502, reason));
      waiting.clear();
    };
    child.once('error', (error) => ended(`The stand-in model could not be started: ${error.message}`));
    child.once('exit', () => {
      takesNoMore();
      void sleep(DRAIN_MS, undefined, { ref: false }).then(() => {
        child.stdout.destroy();
        child.stderr.destroy();
      });
    });
    child.once('close', (code) => ended(`The stand-in model ended with ${code}: ${errors.trim().slice(-400)}`));
    child.stdin.on('error', () => undefined);
    child.stderr.on('data', (chunk: Buffer) => {
      errors = (errors + chunk.toString()).slice(-4000);
    });
    createInterface({ input: child.stdout }).on('line', (line) => {
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
      current ??= start();
      const { child, waiting } = current;
      const id = nextId++;
      return new Promise((resolve) => {
        waiting.set(id, resolve);
        child.stdin.write(`${JSON.stringify({ id, request })}\n`);
      });
    },
    close() {
      const pid = current?.child.pid;
      if (pid === undefined) return;
      try {
        process.kill(-pid, 'SIGKILL');
      } catch {
        // It has ended by itself.
      }
    },
  };
}

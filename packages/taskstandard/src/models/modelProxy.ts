import { rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { nestsDeeper } from '@plumbline/core';
import type { ModelSettings } from '../settings.ts';
import { listenOnSocket } from '../unixSocket.ts';
import type { ModelUpstream } from './modelUpstream.ts';

/**
 * The one way from a sandbox to a model: HTTP on a Unix socket, `POST /v1/chat/completions` as OpenAI has it, without
 * streaming. It knows one model, counts what each call costs against a budget, and adds the provider's key, which no
 * sandbox ever sees. Callers are the participant's programs, so everything is bounded.
 */

export type ModelAsker = 'participant' | 'scorer';

/** One call as the recording keeps it. Costs are dollars. */
export interface ModelCall {
  asker: ModelAsker;
  model: string;
  status: number;
  promptTokens: number;
  completionTokens: number;
  costUsd: number;
  /** Of the budget, after this call. */
  leftUsd: number;
  durationMs: number;
  request: unknown;
  response: unknown;
}

export interface ModelProxyOptions {
  /** Host path of the socket. */
  path: string;
  asker: ModelAsker;
  settings: ModelSettings;
  upstream: ModelUpstream;
  /** Dollars spent by an earlier life of the proxy. */
  spentUsd?: number;
  monoMs: () => number;
  /** Why nothing is answered now, such as a pause; null where calls are answered. */
  closedBecause?: () => string | null;
  onCall?: (call: ModelCall) => void;
}

const REQUEST_MAX_BYTES = 1024 * 1024;
const CALLS_AT_ONCE_MAX = 64;
const SAMPLES_MAX = 128;
const DEFAULT_MAX_TOKENS = 1024;
const MAX_TOKENS_MAX = 16_384;
/** What a caller may choose; the rest of a request is not passed on. */
const PASSED_ON = ['messages', 'temperature', 'top_p', 'stop', 'seed', 'presence_penalty', 'frequency_penalty', 'logit_bias'] as const;

class Refusal extends Error {
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

export class ModelProxy {
  readonly #options: ModelProxyOptions;
  readonly #server: Server;
  #spentUsd: number;
  /** What the calls under way may cost at most. */
  #reservedUsd = 0;
  #underWay = 0;
  #providerFault: string | null = null;

  constructor(options: ModelProxyOptions) {
    this.#options = options;
    this.#spentUsd = options.spentUsd ?? 0;
    this.#server = createServer((request, response) => void this.#serve(request, response));
  }

  /** What the provider last failed with, after being asked again: the platform's fault, never the submission's. */
  get providerFault(): string | null {
    return this.#providerFault;
  }

  get spentUsd(): number {
    return this.#spentUsd;
  }

  /** Listens; rejects with what the system says where the socket cannot be made. */
  async open(): Promise<void> {
    await listenOnSocket(this.#server, this.#options.path);
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
    await rm(this.#options.path, { force: true });
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      if (request.method === 'GET' && request.url === '/v1/budget') this.#send(response, 200, this.#budget());
      else if (request.method === 'POST' && request.url === '/v1/chat/completions') await this.#complete(request, response);
      else throw new Refusal(404, 'not_found', 'There are POST /v1/chat/completions and GET /v1/budget, and nothing else.');
    } catch (error) {
      const refusal =
        error instanceof Refusal ? error : new Refusal(500, 'internal', 'The proxy failed. This is the platform’s fault; try again.');
      this.#send(response, refusal.status, { error: { code: refusal.code, message: refusal.message } });
    }
  }

  #budget(): object {
    const { asker, settings } = this.#options;
    const budgetUsd = settings.budgetUsd[asker];
    return { model: settings.name, budget_usd: budgetUsd, spent_usd: this.#spentUsd, left_usd: Math.max(0, budgetUsd - this.#spentUsd) };
  }

  async #complete(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const { asker, settings, upstream, monoMs, closedBecause, onCall } = this.#options;
    const body = readRequest(await readBody(incoming), settings.name);
    const closed = closedBecause?.() ?? null;
    if (closed !== null) throw new Refusal(503, 'paused', closed);
    if (this.#underWay >= CALLS_AT_ONCE_MAX) throw new Refusal(429, 'too_many', `At most ${CALLS_AT_ONCE_MAX} calls may be under way.`);
    const promptBytes = Buffer.byteLength(JSON.stringify(body['messages']));
    // A token has a byte at least, so a call never costs more than this.
    const worstUsd = costUsd(settings, promptBytes, (body['n'] as number) * (body['max_tokens'] as number));
    const leftUsd = settings.budgetUsd[asker] - this.#spentUsd - this.#reservedUsd;
    if (worstUsd > leftUsd) {
      throw new Refusal(
        403,
        'budget_spent',
        `This call may cost $${worstUsd.toFixed(4)}, and $${Math.max(0, leftUsd).toFixed(4)} of the budget are left.`,
      );
    }
    this.#reservedUsd += worstUsd;
    this.#underWay += 1;
    const begunAtMs = monoMs();
    try {
      const answer = await upstream.complete(body);
      const ok = answer.status === 200;
      const usage = ok ? usageOf(answer.body, promptBytes) : { promptTokens: 0, completionTokens: 0 };
      const cost = ok ? costUsd(settings, usage.promptTokens, usage.completionTokens) : 0;
      this.#spentUsd += cost;
      onCall?.({
        asker,
        model: settings.name,
        status: answer.status,
        ...usage,
        costUsd: cost,
        leftUsd: Math.max(0, settings.budgetUsd[asker] - this.#spentUsd),
        durationMs: monoMs() - begunAtMs,
        request: body,
        response: answer.body,
      });
      if (ok) this.#send(response, 200, answer.body);
      else {
        const said = `The model's provider answered ${answer.status}.`;
        if (answer.status === 401 || answer.status === 402 || answer.status === 403 || answer.status === 429 || answer.status >= 500)
          this.#providerFault = said;
        this.#send(response, 502, { error: { code: 'provider_failed', message: `${said} This is the platform’s fault; try again.` } });
      }
    } finally {
      this.#reservedUsd -= worstUsd;
      this.#underWay -= 1;
    }
  }

  #send(response: ServerResponse, status: number, body: unknown): void {
    if (response.destroyed) return;
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(JSON.stringify(body));
  }
}

/** Dollars for so many tokens. */
function costUsd(settings: ModelSettings, promptTokens: number, completionTokens: number): number {
  return (promptTokens * settings.usdPerMillion.input + completionTokens * settings.usdPerMillion.output) / 1e6;
}

/** What the provider counted; where it counted nothing, four bytes are a token. */
function usageOf(body: unknown, promptBytes: number): { promptTokens: number; completionTokens: number } {
  const usage = (body as { usage?: { prompt_tokens?: unknown; completion_tokens?: unknown } } | null)?.usage;
  if (typeof usage?.prompt_tokens === 'number' && typeof usage.completion_tokens === 'number')
    return { promptTokens: usage.prompt_tokens, completionTokens: usage.completion_tokens };
  return { promptTokens: Math.ceil(promptBytes / 4), completionTokens: Math.ceil(Buffer.byteLength(JSON.stringify(body)) / 4) };
}

async function readBody(incoming: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of incoming) {
    bytes += (chunk as Buffer).length;
    if (bytes > REQUEST_MAX_BYTES) throw new Refusal(413, 'too_large', `A request has at most ${REQUEST_MAX_BYTES / 1024} KiB.`);
    chunks.push(chunk as Buffer);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString());
  } catch {
    throw new Refusal(400, 'invalid_input', 'The body is not JSON.');
  }
}

/** What is sent upstream for a caller's request: nothing that it does not name, and limits filled in. */
function readRequest(given: unknown, model: string): Record<string, unknown> {
  const bad = (message: string) => new Refusal(400, 'invalid_input', message);
  if (typeof given !== 'object' || given === null) throw bad('The body is not a JSON object.');
  // It is recorded, by processes whose stacks are smaller than this one's may be.
  if (nestsDeeper(given)) throw bad('The body is nested too deep.');
  const request = given as Record<string, unknown>;
  if (request['model'] !== undefined && request['model'] !== model) throw bad(`The only model here is ${model}.`);
  if (request['stream'] === true) throw bad('Streaming is not offered: leave "stream" out.');
  if (!Array.isArray(request['messages'])) throw bad('"messages" must be a list.');
  const whole = (name: string, fallback: number, max: number): number => {
    const value = request[name] ?? fallback;
    if (typeof value !== 'number' || !Number.isInteger(value) || value < 1 || value > max)
      throw bad(`"${name}" must be a whole number from 1 to ${max}.`);
    return value;
  };
  const chosen = Object.fromEntries(PASSED_ON.filter((name) => request[name] !== undefined).map((name) => [name, request[name]]));
  return { ...chosen, model, n: whole('n', 1, SAMPLES_MAX), max_tokens: whole('max_tokens', DEFAULT_MAX_TOKENS, MAX_TOKENS_MAX) };
}

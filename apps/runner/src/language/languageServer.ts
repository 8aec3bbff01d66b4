import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { pathToFileURL } from 'node:url';
import { AppError, type Clock, type Timer } from '@plumbline/core';
import type { HostCommand } from '@plumbline/sandbox';
import type { Logger } from 'pino';
import { z } from 'zod';
import { encodeMessage, MessageReader } from './messageStream.ts';

/**
 * Pyright's process in the participant's view: started by the first question, started again after it died, and told anew
 * which texts are open. Everything it says is hostile: it runs where the participant can reach it.
 */

export interface LanguageServerOptions {
  readonly command: () => HostCommand;
  /** The workspace as the view sees it. */
  readonly home: string;
  /** The Python whose packages are known; asked whenever the server asks for its settings. Does not reject. */
  readonly pythonPath: () => Promise<string>;
  readonly clock: Clock;
  readonly logger: Logger;
}

const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 60_000;
/** A server that lived for so long did not die of starting. */
const SETTLED_MS = 60_000;
const ANSWER_TIMEOUT_MS = 15_000;
/** A page asks a few things at a time; more than this are somebody else's. */
const QUESTIONS_MAX = 64;
const UNREAD_MAX_BYTES = 32 * 1024 * 1024;
/** Texts that are kept open; the one that was not touched for longest is closed for another. */
const OPEN_MAX = 32;

const Incoming = z.object({
  id: z.union([z.number(), z.string()]).optional(),
  method: z.string().optional(),
  params: z.unknown().optional(),
  result: z.unknown().optional(),
  error: z.object({ message: z.string() }).optional(),
});
const ConfigurationParams = z.object({ items: z.array(z.object({ section: z.string().optional() })).max(100) });

/** Only what is open is judged, and nothing offered that would need another edit elsewhere. */
const SETTINGS: Record<string, object> = {
  'python.analysis': {
    autoImportCompletions: false,
    autoSearchPaths: true,
    diagnosticMode: 'openFilesOnly',
    typeCheckingMode: 'basic',
    useLibraryCodeForTypes: true,
  },
  pyright: { disableTaggedHints: false },
};

const CAPABILITIES = {
  workspace: { configuration: true, workspaceEdit: { documentChanges: true }, didChangeWatchedFiles: { dynamicRegistration: true } },
  textDocument: {
    completion: { completionItem: { snippetSupport: false }, contextSupport: false },
    hover: { contentFormat: ['plaintext'] },
    signatureHelp: { signatureInformation: { documentationFormat: ['plaintext'], parameterInformation: { labelOffsetSupport: true } } },
    definition: { linkSupport: false },
    // With it a definition is the source, where a library has that, and not the types that are told of it.
    declaration: { linkSupport: false },
    references: {},
    rename: {},
    diagnostic: { dynamicRegistration: false },
    documentSymbol: { hierarchicalDocumentSymbolSupport: true },
  },
  general: { positionEncodings: ['utf-16'] },
};

interface Question {
  resolve: (result: unknown) => void;
  reject: (error: AppError) => void;
  timeout: Timer;
}

function away(): AppError {
  return new AppError('unavailable', 'The help for Python is starting again. Files and terminals are not touched by that.');
}

function shortOfMemory(): AppError {
  return new AppError('unavailable', 'Memory is short, so that the help for Python makes room for your programs. It comes back by itself.');
}

interface Life {
  child: ChildProcessWithoutNullStreams;
  /** Resolves when the server may be asked. */
  ready: Promise<void>;
  /** The version that it was told of each open text. */
  told: Map<string, number>;
}

export class LanguageServer {
  readonly #options: LanguageServerOptions;
  readonly #questions = new Map<number, Question>();
  /** Open texts by URI, the least used first. */
  readonly #texts = new Map<string, { text: string; version: number }>();
  #life: Life | null = null;
  #nextId = 1;
  #deaths = 0;
  #startsAtMonoMs = 0;
  #closed = false;
  #shortOfMemory = false;

  constructor(options: LanguageServerOptions) {
    this.#options = options;
  }

  /** Opens a text, or changes one that is open. */
  sync(uri: string, text: string): void {
    const version = (this.#texts.get(uri)?.version ?? 0) + 1;
    this.#texts.delete(uri);
    this.#texts.set(uri, { text, version });
    const life = this.#alive();
    const [oldest] = this.#texts.keys();
    if (this.#texts.size > OPEN_MAX && oldest !== undefined) this.close(oldest);
    void life.ready.then(
      () => this.#tell(life, uri),
      () => undefined,
    );
  }

  close(uri: string): void {
    this.#texts.delete(uri);
    if (this.#life?.told.delete(uri)) this.#notify('textDocument/didClose', { textDocument: { uri } });
  }

  /** An open text as the editor has it; null of one that is not open. */
  textOf(uri: string): string | null {
    return this.#texts.get(uri)?.text ?? null;
  }

  /** Files changed without an editor. */
  filesChanged(uri: string, op: 'created' | 'changed' | 'deleted'): void {
    if (this.#life === null) return;
    this.#notify('workspace/didChangeWatchedFiles', { changes: [{ uri, type: { created: 1, changed: 2, deleted: 3 }[op] }] });
  }

  /** Another Python is used, or the one that is used has other packages. */
  settingsChanged(): void {
    if (this.#life !== null) this.#notify('workspace/didChangeConfiguration', { settings: null });
  }

  /**
   * Asks about an open text; what comes back is not checked. Rejects with `not_found` where the text is not known, so that it must
   * be told anew, and with `unavailable` while the server is away, or says nothing.
   */
  async ask(method: string, uri: string, params: object = {}): Promise<unknown> {
    if (!this.#texts.has(uri)) throw new AppError('not_found', 'The help for Python does not know this text.');
    if (this.#questions.size >= QUESTIONS_MAX) throw new AppError('rate_limited', 'The help for Python is busy. Try again in a moment.');
    await this.#alive().ready;
    return this.#ask(method, { textDocument: { uri }, ...params });
  }

  /** Puts the server away for as long as the participant's own work needs its memory. */
  setShortOfMemory(short: boolean): void {
    if (this.#shortOfMemory === short) return;
    this.#shortOfMemory = short;
    this.#options.logger.info({ short }, short ? 'memory is short, so the language server is ended' : 'the language server may come back');
    if (!short) return;
    // One that is not reached by the signal ends with its input.
    this.#life?.child.stdin.end();
    this.#life?.child.kill('SIGTERM');
  }

  /** Ends the server for good. Idempotent. */
  stop(): void {
    this.#closed = true;
    this.#life?.child.kill('SIGTERM');
    this.#dropQuestions();
  }

  #alive(): Life {
    if (this.#life !== null) return this.#life;
    if (this.#shortOfMemory) throw shortOfMemory();
    const nowMs = this.#options.clock.monoMs();
    if (this.#closed || nowMs < this.#startsAtMonoMs) throw away();
    return this.#start(nowMs);
  }

  #start(startedMonoMs: number): Life {
    const { command: makeCommand, logger } = this.#options;
    const command = makeCommand();
    const child = spawn(command.file, command.args, { cwd: command.cwd, env: command.env, stdio: 'pipe', detached: true });
    const reader = new MessageReader();
    let errors = '';
    child.stderr.on('data', (chunk: Buffer) => {
      errors = (errors + chunk.toString()).slice(-2_000);
    });
    child.stdout.on('data', (chunk: Buffer) => {
      try {
        for (const message of reader.take(chunk)) this.#take(message);
      } catch (error) {
        logger.warn({ err: error }, 'the language server said what cannot be read');
        child.kill('SIGTERM');
      }
    });
    child.stdin.on('error', () => undefined);
    const ended = () => {
      if (this.#life?.child !== child) return;
      this.#life = null;
      const nowMs = this.#options.clock.monoMs();
      this.#deaths = nowMs - startedMonoMs > SETTLED_MS ? 1 : this.#deaths + 1;
      this.#startsAtMonoMs = nowMs + Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** (this.#deaths - 1));
      this.#dropQuestions();
      if (!this.#closed) logger.warn({ deaths: this.#deaths, errors }, 'the language server ended');
    };
    child.once('exit', ended);
    child.once('error', ended);
    const life: Life = { child, ready: Promise.resolve(), told: new Map() };
    this.#life = life;
    life.ready = this.#initialize(life);
    life.ready.catch(() => child.kill('SIGTERM'));
    return life;
  }

  async #initialize(life: Life): Promise<void> {
    const rootUri = pathToFileURL(this.#options.home).href;
    const workspaceFolders = [{ uri: rootUri, name: 'workspace' }];
    await this.#ask('initialize', { processId: null, rootUri, workspaceFolders, capabilities: CAPABILITIES });
    this.#notify('initialized', {});
    for (const uri of this.#texts.keys()) this.#tell(life, uri);
  }

  /** Opens or changes a text with the server, unless it has been told already. */
  #tell(life: Life, uri: string): void {
    const open = this.#texts.get(uri);
    if (open === undefined || life !== this.#life) return;
    const { text, version } = open;
    const told = life.told.get(uri);
    if (told === version) return;
    life.told.set(uri, version);
    if (told === undefined) this.#notify('textDocument/didOpen', { textDocument: { uri, languageId: 'python', version, text } });
    else this.#notify('textDocument/didChange', { textDocument: { uri, version }, contentChanges: [{ text }] });
  }

  #ask(method: string, params: object): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const id = this.#nextId++;
      const timeout = this.#options.clock.setTimer(ANSWER_TIMEOUT_MS, () => {
        this.#questions.delete(id);
        this.#notify('$/cancelRequest', { id });
        reject(new AppError('unavailable', 'The help for Python did not answer in time.'));
      });
      this.#questions.set(id, { resolve, reject, timeout });
      this.#send({ id, method, params });
    });
  }

  #take(value: unknown): void {
    const message = Incoming.parse(value);
    if (message.method !== undefined) {
      if (message.id !== undefined) void this.#answer(message.id, message.method, message.params);
      return;
    }
    if (typeof message.id !== 'number') return;
    const question = this.#questions.get(message.id);
    if (question === undefined) return;
    this.#questions.delete(message.id);
    question.timeout.cancel();
    if (message.error === undefined) question.resolve(message.result);
    else question.reject(new AppError('unavailable', 'The help for Python could not answer.', { cause: message.error.message }));
  }

  /** The server asks for its settings; whatever else it wants registered or shown, it is told that this was done. */
  async #answer(id: number | string, method: string, params: unknown): Promise<void> {
    const life = this.#life;
    const asked = method === 'workspace/configuration' ? ConfigurationParams.safeParse(params) : null;
    const settings = asked?.success ? { ...SETTINGS, python: { pythonPath: await this.#options.pythonPath() } } : SETTINGS;
    const result = asked?.success ? asked.data.items.map(({ section }) => settings[section ?? ''] ?? null) : null;
    // The next life counts its questions anew.
    if (life === this.#life) this.#send({ id, result });
  }

  #notify(method: string, params: object): void {
    this.#send({ method, params });
  }

  #send(message: object): void {
    const { child } = this.#life ?? {};
    if (child === undefined) return;
    child.stdin.write(encodeMessage({ jsonrpc: '2.0', ...message }));
    // It does not read: what waits for it lies in this process's memory.
    if (child.stdin.writableLength > UNREAD_MAX_BYTES) child.kill('SIGTERM');
  }

  #dropQuestions(): void {
    for (const { reject, timeout } of this.#questions.values()) {
      timeout.cancel();
      reject(this.#shortOfMemory ? shortOfMemory() : away());
    }
    this.#questions.clear();
  }
}

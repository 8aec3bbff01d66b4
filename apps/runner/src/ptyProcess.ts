import { type IPty, spawn } from '@lydell/node-pty';
import type { Clock, Timer } from '@plumbline/core';
import { type HostCommand, terminalNamed } from '@plumbline/sandbox';
import { type EchoState, echoState } from './terminalEcho.ts';

/**
 * One program on one PTY: bytes in, bytes out, and an end that comes once. It adds to node-pty what its life cycle
 * lacks: output that is still in the kernel when the shell ends is read, also where reading is paused; descriptors are
 * closed on every way out; a pid is forgotten as soon as it has ended.
 */

/** After the shell's end, output of programs that outlive it is read until it has been silent for this long. */
const SILENCE_AFTER_EXIT_MS = 200;
/** A shell that has not heeded SIGHUP for this long is killed. */
const KILL_AFTER_MS = 2_000;
/** Input that the program has not read; what comes on top is refused. */
const UNREAD_INPUT_MAX_BYTES = 16 * 1024 * 1024;

/** The parts of node-pty's terminal that its types leave out. The version is pinned. */
interface PtyInternals {
  _socket: {
    destroy(error?: Error): void;
    readonly destroyed: boolean;
    readonly writableLength: number;
  };
  /** Whether the program's end has been seen, while its output is still read. */
  readonly _boundClose: boolean;
  /** The master's descriptor; another file's once the socket is destroyed. */
  readonly fd: number;
  readonly ptsName: string;
  on(event: 'error', listener: (error: Error) => void): void;
}

export interface PtyExit {
  readonly exitCode: number | null;
  readonly signal: number | null;
}

export interface PtyOptions {
  readonly command: HostCommand;
  readonly cols: number;
  readonly rows: number;
  readonly clock: Clock;
  readonly onData: (bytes: Buffer) => void;
  /** Called once, after the last output. */
  readonly onEnd: (exit: PtyExit) => void;
}

export class PtyProcess {
  readonly #options: PtyOptions;
  readonly #pty: IPty & PtyInternals;
  readonly #destroySocket: (error?: Error) => void;
  #paused = false;
  #exited = false;
  #ended = false;
  #silence: Timer | null = null;
  #kill: Timer | null = null;

  /** Throws where the program cannot be started at all. */
  constructor(options: PtyOptions) {
    this.#options = options;
    const { command } = options;
    this.#pty = spawn(command.file, command.args, {
      name: command.env.TERM ?? 'xterm-256color',
      cols: options.cols,
      rows: options.rows,
      cwd: command.cwd,
      env: command.env,
      encoding: null,
    }) as IPty & PtyInternals;
    const socket = this.#pty._socket;
    this.#destroySocket = socket.destroy.bind(socket);
    // node-pty destroys the socket 200 ms after the exit, read or not; that waits here until all is read. With an error
    // the terminal itself has come to its end, and everything before it has been read.
    socket.destroy = (error) => {
      if (error !== undefined && error !== null) {
        this.#destroySocket(error);
        return;
      }
      this.#exited = true;
      this.#awaitSilence();
    };
    // Two listeners, because node-pty throws what fewer than two listen for.
    this.#pty.on('error', () => {});
    this.#pty.on('error', () => {});
    this.#pty.onData((data) => {
      if (this.#exited) this.#awaitSilence();
      options.onData(data as unknown as Buffer);
    });
    this.#pty.onExit(({ exitCode, signal }) => this.#end({ exitCode: signal ? null : exitCode, signal: signal ? signal : null }));
  }

  /** How the program treats input now; null once it has ended. */
  get echo(): EchoState | null {
    return this.#exited || this.#ended || this.#pty._socket.destroyed ? null : echoState(this.#pty.fd);
  }

  /** Names the terminal for good, as the processes of the sandbox name theirs. */
  device(): Promise<string | null> {
    return terminalNamed(this.#pty.ptsName);
  }

  /** Writes all of it, in order; false where the program has left too much unread, or has ended. */
  write(bytes: Uint8Array): boolean {
    if (this.#exited || this.#ended) return false;
    if (this.#pty._socket.writableLength + bytes.length > UNREAD_INPUT_MAX_BYTES) return false;
    this.#pty.write(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength) as unknown as string);
    return true;
  }

  resize(cols: number, rows: number): void {
    if (this.#exited || this.#ended) return;
    this.#pty.resize(cols, rows);
  }

  pause(): void {
    if (this.#paused || this.#ended) return;
    this.#paused = true;
    this.#silence?.cancel();
    this.#pty.pause();
  }

  resume(): void {
    if (!this.#paused || this.#ended) return;
    this.#paused = false;
    this.#pty.resume();
    if (this.#exited) this.#awaitSilence();
  }

  /** Ends the program: SIGHUP, then SIGKILL. `onEnd` follows. Idempotent. */
  dispose(): void {
    if (this.#ended || this.#kill !== null) return;
    this.#signal('SIGHUP');
    this.#kill = this.#options.clock.setTimer(KILL_AFTER_MS, () => {
      this.#signal('SIGKILL');
      // Nobody waits for output of a terminal that was closed; without this a paused one would never end.
      this.#finish();
    });
    this.resume();
  }

  #signal(name: 'SIGHUP' | 'SIGKILL'): void {
    // After its exit the pid may be another program's.
    if (!this.#exited && !this.#ended && !this.#pty._boundClose) this.#pty.kill(name);
  }

  #awaitSilence(): void {
    this.#silence?.cancel();
    if (this.#paused) return;
    this.#silence = this.#options.clock.setTimer(SILENCE_AFTER_EXIT_MS, () => this.#finish());
  }

  #finish(): void {
    this.#silence?.cancel();
    if (!this.#pty._socket.destroyed) this.#destroySocket();
  }

  #end(exit: PtyExit): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#exited = true;
    this.#silence?.cancel();
    this.#kill?.cancel();
    this.#finish();
    this.#options.onEnd(exit);
  }
}

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { WebSocket } from 'ws';

/** A terminal as the benchmarks see it: bytes in, bytes out. */
export interface BenchTerminal {
  type(text: string): void;
  onOutput: (bytes: Uint8Array) => void;
}

/** A client of `loopbackTerminal.ts`: the machine's own PTY, as bare as it can be reached from a browser. */
export class LoopbackTerminal implements BenchTerminal {
  onOutput: (bytes: Uint8Array) => void = () => {};
  readonly #server: ChildProcess;
  readonly #socket: WebSocket;

  private constructor(server: ChildProcess, socket: WebSocket) {
    this.#server = server;
    this.#socket = socket;
    socket.on('message', (data: Buffer) => this.onOutput(data));
  }

  /** Starts the server in a folder, which is also its shell's home, and connects. */
  static async start(dir: string): Promise<LoopbackTerminal> {
    const server = spawn(process.execPath, [join(import.meta.dirname, 'loopbackTerminal.ts')], {
      cwd: dir,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [port] = (await once(createInterface(server.stdout), 'line')) as [string];
    const socket = new WebSocket(`ws://127.0.0.1:${port}`, { perMessageDeflate: false });
    await once(socket, 'open');
    return new LoopbackTerminal(server, socket);
  }

  type(text: string): void {
    this.#socket.send(Buffer.from(text));
  }

  stop(): void {
    this.#socket.terminate();
    this.#server.kill();
  }
}

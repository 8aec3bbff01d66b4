import assert from 'node:assert/strict';
import { spawn } from '@lydell/node-pty';
import { waitUntil } from '../host/waiting.ts';
import type { Sandbox } from '../isolation/isolation.ts';
import { type ContractCheck, type ContractWorld, PATIENCE_MS } from './contract.ts';

/** An interactive bash on a real PTY, as the runner opens it. */
class Terminal {
  output = '';
  exitCode: number | null = null;
  readonly #pty;

  constructor(world: ContractWorld, sandbox: Sandbox) {
    const command = sandbox.command('participant', ['/bin/bash', '--norc', '-i'], { tty: true, env: { PS1: 'ready> ' } });
    this.#pty = spawn(command.file, command.args, { name: 'xterm-256color', cols: 100, rows: 30, cwd: command.cwd, env: command.env });
    this.#pty.onData((data) => (this.output += data));
    this.#pty.onExit(({ exitCode }) => (this.exitCode = exitCode));
    world.later(async () => {
      this.#pty.kill('SIGKILL');
      assert.ok(await waitUntil(() => this.exitCode !== null, PATIENCE_MS));
    });
  }

  type(text: string): void {
    this.#pty.write(text);
  }

  resize(cols: number, rows: number): void {
    this.#pty.resize(cols, rows);
  }

  /** Presses Ctrl-C until a program says so: a signal that comes just before it reads is heard with the next key alone. */
  async interrupt(said: string): Promise<void> {
    let heard = false;
    for (let tries = 0; tries < 10 && !heard; tries++) {
      this.type('\x03');
      heard = await waitUntil(() => this.output.includes(said), 1_000);
    }
    await this.expect(said);
  }

  /** Waits for a text that comes after all that was waited for before. */
  async expect(text: string | RegExp): Promise<void> {
    const find = () => {
      const match = typeof text === 'string' ? this.output.indexOf(text) : this.output.search(text);
      if (match < 0) return false;
      this.output = this.output.slice(match + (typeof text === 'string' ? text.length : 1));
      return true;
    };
    assert.ok(await waitUntil(find, PATIENCE_MS), `${text} in ${JSON.stringify(this.output.slice(-1500))}`);
  }
}

export const terminalChecks: ContractCheck[] = [
  {
    name: 'a shell has its terminal: size, line editing, job control',
    run: async (world) => {
      const terminal = new Terminal(world, await world.sharedSandbox());
      await terminal.expect('ready> ');
      assert.doesNotMatch(terminal.output, /no job control/);
      terminal.type('echo "t$((1+1))"; stty size\n');
      await terminal.expect('t2');
      await terminal.expect('30 100');
      terminal.resize(120, 40);
      terminal.type('stty size\n');
      await terminal.expect('40 120');
      // What a job gives back shows that it, and not the shell, has the terminal.
      terminal.type('sed -u "s/^/got /"\n');
      terminal.type('first\n');
      await terminal.expect('got first');
      terminal.type('\x1a');
      await terminal.expect('Stopped');
      await terminal.expect('ready> ');
      terminal.type('fg\n');
      terminal.type('second\n');
      await terminal.expect('got second');
      terminal.type('\x03');
      await terminal.expect('ready> ');
      terminal.type('echo "code $?"\n');
      await terminal.expect('code 130');
      terminal.type('exit 7\n');
      assert.ok(await waitUntil(() => terminal.exitCode !== null, PATIENCE_MS));
      assert.equal(terminal.exitCode, 7);
    },
  },
  {
    name: 'a thaw finds the foreground job of an interactive shell as the freeze left it',
    needs: (capabilities) => capabilities.freezeMethod !== 'signal',
    run: async (world) => {
      const sandbox = await world.sandbox();
      for (let n = 0; n < 5; n++) {
        const terminal = new Terminal(world, sandbox);
        await terminal.expect('ready> ');
        terminal.type('python3 -c "while True: print(input())"\n');
        await terminal.expect('input())');
        assert.ok(
          await waitUntil(async () => (await sandbox.processes()).some((entry) => entry.command.startsWith('python3')), PATIENCE_MS),
        );
        await sandbox.freeze();
        terminal.type('typed while frozen\n');
        await terminal.expect('typed while frozen');
        const cpuMs = (await sandbox.usage()).cpuMs;
        assert.equal((await sandbox.usage()).cpuMs, cpuMs);
        await sandbox.thaw();
        await terminal.expect('typed while frozen');
        assert.doesNotMatch(terminal.output, /Stopped|ready> /);
        await terminal.interrupt('KeyboardInterrupt');
        await terminal.expect('ready> ');
        terminal.type('exit\n');
        assert.ok(await waitUntil(() => terminal.exitCode !== null, PATIENCE_MS));
      }
    },
  },
  {
    name: 'two terminals see each other’s processes and files',
    run: async (world) => {
      const sandbox = await world.sharedSandbox();
      const [one, two] = [new Terminal(world, sandbox), new Terminal(world, sandbox)];
      await one.expect('ready> ');
      await two.expect('ready> ');
      one.type('sleep 4321 & echo "pid=$!." > shared; cat shared\n');
      await one.expect(/pid=\d+\./);
      // Until it is sleep: a job that has just been forked still has the name of its shell.
      two.type('read -r line < shared; line=$(echo "$line" | tr -dc 0-9)\n');
      two.type('until tr "\\0" "+" < /proc/$line/cmdline | grep "sleep[+]"; do sleep 0.1; done\n');
      await two.expect('sleep+4321');
      two.type('kill $line; echo "killed:$?"\n');
      await two.expect('killed:0');
      one.type('wait $!; echo "code:$?"\n');
      await one.expect('code:143');
    },
  },
  {
    name: 'a terminal that is killed takes its shell with it, and no other',
    run: async (world) => {
      const sandbox = await world.sharedSandbox();
      const terminal = new Terminal(world, sandbox);
      await terminal.expect('ready> ');
      assert.equal((await sandbox.processes()).filter((entry) => entry.command.includes('bash')).length, 1);
      terminal.type('exec sleep 5555\n');
      assert.ok(await waitUntil(async () => (await sandbox.processes()).some((entry) => entry.command === 'sleep 5555'), PATIENCE_MS));
      const command = sandbox.command('participant', ['/bin/sleep', '6666'], { tty: true });
      const other = spawn(command.file, command.args, { cwd: command.cwd, env: command.env });
      const ended = new Promise((resolve) => other.onExit(resolve));
      assert.ok(
        await waitUntil(async () => (await sandbox.processes()).some((entry) => entry.command.endsWith('sleep 6666')), PATIENCE_MS),
      );
      other.kill('SIGKILL');
      await ended;
      assert.ok(
        await waitUntil(async () => !(await sandbox.processes()).some((entry) => entry.command.endsWith('sleep 6666')), PATIENCE_MS),
      );
      assert.ok((await sandbox.processes()).some((entry) => entry.command === 'sleep 5555'));
    },
  },
];

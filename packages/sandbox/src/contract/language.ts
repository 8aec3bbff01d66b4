import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { waitUntil } from '../host/waiting.ts';
import { languageServerPrograms } from '../language/languageServerPrograms.ts';
import { type ContractCheck, type ContractWorld, PATIENCE_MS, shell } from './contract.ts';

/** The platform's helper for Python, which runs where the participant works and is not the participant's work. */

const HOLD_MS = 400;

function request(id: number, method: string, params: object): string {
  const body = JSON.stringify({ jsonrpc: '2.0', id, method, params });
  return `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
}

const MB = 1024 ** 2;
const memoryBytes = 768 * MB;
/** Prints the network of each process that is the server, and its own. */
const NETWORKS =
  'for p in /proc/[0-9]*; do if tr "\\0" " " < $p/cmdline | grep -q "^language-server"; then readlink $p/ns/net; fi; done 2>/dev/null; readlink /proc/self/ns/net';

/** The server, started as a runner does and asked its first question. */
async function startServer(world: ContractWorld) {
  const { readOnly, argv } = await languageServerPrograms(world.isolation.name, join(world.dir, 'images'));
  const sandbox = await world.sandbox({ readOnly, memoryBytes });
  const command = sandbox.command('participant', argv(memoryBytes));
  const child = spawn(command.file, command.args, { cwd: command.cwd, env: command.env, stdio: 'pipe', detached: true });
  const ended = once(child, 'exit');
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
  child.stdin.on('error', () => undefined);
  child.stdin.write(request(1, 'initialize', { processId: null, rootUri: null, capabilities: {} }));
  const answered = await waitUntil(async () => said.includes('"hoverProvider"'), PATIENCE_MS);
  assert.ok(answered, `the language server did not answer: ${said}`);
  return { sandbox, child, ended, said: () => said };
}

export const languageChecks: ContractCheck[] = [
  {
    name: 'the language server answers where the participant works, stops with the participant, and is nobody’s running work',
    run: async (world) => {
      const { sandbox, child, ended, said } = await startServer(world);
      assert.deepEqual(await sandbox.processes(), []);
      assert.ok(await sandbox.isIdle());
      await sandbox.freeze();
      child.stdin.write(request(2, 'shutdown', {}));
      // Absence shows only over time.
      await new Promise((resolve) => setTimeout(resolve, HOLD_MS));
      assert.ok(!said().includes('"id":2'));
      await sandbox.thaw();
      assert.ok(await waitUntil(async () => said().includes('"id":2'), PATIENCE_MS));
      await sandbox.killParticipant();
      await ended;
    },
  },
  {
    name: 'when memory runs out the language server is the first that the kernel ends',
    needs: (capabilities) => capabilities.memoryLimit,
    run: async (world) => {
      const { sandbox, child } = await startServer(world);
      // Alone it has room; beside the server it has not.
      const work = `held = bytearray(${memoryBytes - 36 * MB}); held[::4096] = b"x" * len(held[::4096]); print("done")`;
      const done = await sandbox.run('participant', ['/usr/bin/python3', '-c', work], { timeoutMs: PATIENCE_MS, maxOutputBytes: 1000 });
      // Where the server is gone and its memory not yet given back, the kernel ends one more: the work then, which is all that is left.
      assert.ok(done.exitCode === 0 || done.exitCode === 137, done.stderr.toString());
      assert.ok(
        await waitUntil(async () => child.exitCode !== null || child.signalCode !== null, PATIENCE_MS),
        'the server is still there',
      );
    },
  },
  {
    name: 'the language server ends when it is put away, and gives the memory back that it held, of which a cache of files is no part',
    needs: (capabilities) => capabilities.memoryLimit,
    run: async (world) => {
      const { sandbox, child, ended } = await startServer(world);
      const held = async () => (await sandbox.heldMemoryBytes()) ?? Number.NaN;
      const withServer = await held();
      assert.ok(withServer > 20 * MB, `${withServer}`);
      child.stdin.end();
      child.kill('SIGTERM');
      await ended;
      assert.ok(await waitUntil(async () => (await held()) < withServer / 2, PATIENCE_MS), `${await held()} of ${withServer}`);
      await shell(sandbox, 'participant', 'head -c 200000000 /dev/zero > cached; cat cached > /dev/null');
      assert.ok((await sandbox.usage()).memoryBytes > 150 * MB);
      assert.ok((await held()) < withServer / 2, `${await held()} of ${withServer}`);
    },
  },
  {
    name: 'the language server has no other network than the participant',
    needs: (capabilities) => capabilities.views,
    run: async (world) => {
      const { sandbox } = await startServer(world);
      const [of, own] = (await shell(sandbox, 'participant', NETWORKS)).stdout.toString().trim().split('\n');
      assert.ok(of !== undefined && of === own, `${of} ${own}`);
    },
  },
  {
    name: 'what the language server runs on is seen by the participant alone, and by nobody writable',
    needs: (capabilities) => capabilities.filesystem,
    run: async (world) => {
      const { readOnly } = await languageServerPrograms(world.isolation.name, join(world.dir, 'images'));
      const sandbox = await world.sandbox({ readOnly });
      const look = 'cd /opt/language-server 2>/dev/null || exit 0; ls; touch pyright/x node 2>/dev/null; ls pyright/x 2>/dev/null; true';
      assert.equal((await shell(sandbox, 'participant', look)).stdout.toString(), 'node\npyright\n');
      for (const view of ['scorer', 'platform'] as const) assert.equal((await shell(sandbox, view, look)).stdout.toString(), '');
    },
  },
];

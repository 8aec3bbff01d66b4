import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmod, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type ContractCheck, type ContractWorld, shell, UNTIL_ENDED_MS } from './contract.ts';

const run = promisify(execFile);

const CAP_SYS_RESOURCE = 1n << 24n;
/** Inheritable, permitted, effective, bounding and ambient. */
const CAPABILITY_SETS = 5;
/** CHOWN, DAC_OVERRIDE, FOWNER, FSETID, KILL, SETGID, SETUID, SETPCAP, NET_BIND_SERVICE and AUDIT_WRITE, by the kernel's numbers. */
const ROOT_SCORER_CAPABILITIES = [0, 1, 3, 4, 5, 6, 7, 8, 10, 29].reduce((mask, number) => mask | (1n << BigInt(number)), 0n);

const views = (capabilities: { views: boolean }) => capabilities.views;

async function listen(world: ContractWorld, options: { host?: string; path?: string }): Promise<{ port: number; reached: () => number }> {
  let reached = 0;
  const server: Server = createServer((socket) => {
    reached++;
    socket.end('the host\n');
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.path === undefined ? { host: options.host, port: 0 } : { path: options.path }, resolve);
  });
  world.later(() => new Promise((resolve) => void server.close(() => resolve())));
  const address = server.address();
  return { port: typeof address === 'object' && address ? address.port : 0, reached: () => reached };
}

/**
 * Something mounted below a folder whose mounts the host shares, as it does its containers' and its named namespaces'. Answers
 * whether it is still there. Root's right; nothing is mounted without it.
 */
async function mountShared(world: ContractWorld): Promise<() => Promise<boolean>> {
  if (process.getuid?.() !== 0) return async () => true;
  const shared = join(world.dir, 'shared');
  const inner = join(shared, 'inner');
  await mkdir(inner, { recursive: true });
  await run('mount', ['--bind', '--make-shared', shared, shared]);
  world.later(async () => void (await run('umount', ['--recursive', shared])));
  await run('mount', ['-t', 'tmpfs', 'tmpfs', inner]);
  return async () => (await readFile('/proc/self/mountinfo', 'utf8')).includes(` ${inner} `);
}

/** Every way from a sandbox to what listens on this host. Nothing here leaves the host. */
async function assertHostUnreachable(world: ContractWorld, network: 'none' | 'internet'): Promise<void> {
  const own = Object.values(networkInterfaces())
    .flatMap((list) => list ?? [])
    .filter((entry) => entry.family === 'IPv4')
    .map((entry) => entry.address);
  const tcp = await listen(world, { host: '0.0.0.0' });
  const loopback = await listen(world, { host: '127.0.0.1' });
  const socketPath = join(world.dir, 'postgres.sock');
  const unix = await listen(world, { path: socketPath });
  const abstractName = `\0plumbline-contract-${process.pid}`;
  const abstract = await listen(world, { path: abstractName });
  await chmod(socketPath, 0o777);
  const sandbox = await (network === 'none' ? world.sharedSandbox() : world.sandbox({ network }));
  const targets = [...own, '127.0.0.1', '10.0.2.2', '10.0.2.3', '169.254.169.254', '192.168.0.1', '172.17.0.1', 'localhost'];
  const script = `
import socket, sys
reached = []
for host in ${JSON.stringify(targets)}:
    for port in (${tcp.port}, ${loopback.port}):
        try:
            with socket.create_connection((host, port), timeout=1) as c:
                if c.recv(100): reached.append((host, port))
        except OSError as error:
            pass
for path in (${JSON.stringify(socketPath)}, "\\0" + ${JSON.stringify(abstractName.slice(1))}):
    try:
        c = socket.socket(socket.AF_UNIX)
        c.connect(path)
        reached.append(path)
    except OSError:
        pass
print(reached)
`;
  for (const view of ['participant', 'scorer', 'platform'] as const) {
    const done = await sandbox.run(view, ['/usr/bin/python3', '-c', script], { timeoutMs: 60_000, maxOutputBytes: 10_000 });
    assert.equal(done.stdout.toString(), '[]\n', `${view}: ${done.stderr.toString()}`);
  }
  assert.deepEqual([tcp.reached(), loopback.reached(), unix.reached(), abstract.reached()], [0, 0, 0, 0]);
}

export const viewChecks: ContractCheck[] = [
  {
    name: 'a participant is an ordinary user in a plain system',
    needs: views,
    run: async (world) => {
      const sandbox = await world.sandbox({ env: { OF_THE_TASK: 'yes' } });
      const done = await shell(
        sandbox,
        'participant',
        'id -un; id -u; pwd; echo $HOME $LANG $TERM $SHELL $OF_THE_TASK; hostname; touch /tmp/a /var/tmp/b /dev/shm/c ~/d && echo written',
      );
      assert.equal(
        done.stdout.toString(),
        'agent\n1000\n/home/agent\n/home/agent C.UTF-8 xterm-256color /bin/bash yes\nplumbline\nwritten\n',
      );
    },
  },
  {
    name: 'a participant sees neither the scorer, nor the platform, nor anything of the host',
    needs: (capabilities) => capabilities.filesystem,
    run: async (world) => {
      await writeFile(join(world.dir, 'token'), 'SECRET_OF_THE_RUNNER', { mode: 0o600 });
      const sandbox = await world.sandbox();
      await shell(sandbox, 'scorer', 'echo secret > "$PLUMBLINE_PROTECTED/answer"');
      const { ownImage } = world.capabilities;
      const hidden = ['/root', '/protected', '/home/agent/..//../root', '/proc/1/root/root'];
      const absent = ['/store/.', world.dir, process.cwd(), '/run/user', '/run/assets'];
      // An image has these of its own.
      const ofTheHost = ['/etc/ssh', '/var/lib', '/var/log', '/sys', '/mnt', '/srv', ...hidden];
      const paths = [...absent, ...(ownImage ? [] : ofTheHost)];
      const open = await shell(
        sandbox,
        'participant',
        `for p in ${hidden.join(' ')}; do ls -A "$p" 2>/dev/null; done; cat /etc/shadow 2>/dev/null`,
      );
      assert.equal(open.stdout.toString(), '');
      const done = await shell(
        sandbox,
        'participant',
        `for p in ${paths.join(' ')}; do [ -e "$p" ] && echo "$p"; done; ls /home; ls -A ${ownImage ? '' : '/var'} /var/tmp /tmp /run`,
      );
      const var_ = ownImage ? '' : '/var:\ntmp\n\n';
      assert.equal(done.stdout.toString(), `agent\n/run:\nplumbline\n\n/tmp:\n\n${var_}/var/tmp:\n`);
      const found = await shell(
        sandbox,
        'participant',
        'grep -rIl "SECRET_OF_THE_RUNNER\\|SECRET_OF_THE_SCORER" / --exclude-dir=proc --exclude-dir=usr --exclude-dir=dev 2>/dev/null',
      );
      assert.equal(found.stdout.toString(), '');
    },
  },
  {
    name: 'nothing of the host can be written',
    needs: (capabilities) => capabilities.filesystem,
    run: async (world) => {
      const sandbox = await world.sandbox();
      const { scorerIsRoot } = world.capabilities;
      for (const view of scorerIsRoot ? (['participant', 'platform'] as const) : (['participant', 'scorer', 'platform'] as const)) {
        const done = await shell(
          sandbox,
          view,
          'for d in / /usr /usr/bin /usr/local /etc /bin /lib /opt /opt/env /dev /proc /run /run/plumbline /run/assets /home /var; do touch $d/x 2>/dev/null && echo "$d"; done; mount -o remount,rw /usr 2>/dev/null && echo mounted; true',
        );
        assert.equal(done.stdout.toString(), '', view);
      }
      if (!scorerIsRoot) return;
      const mark = `plumbline-mark-${process.pid}`;
      const done = await shell(
        sandbox,
        'scorer',
        `for d in /usr /etc /var /opt; do echo x > $d/${mark}; done; for d in /run/assets /sys /proc/sys/kernel; do touch $d/x 2>/dev/null && echo "$d"; done; mount -t tmpfs none /mnt 2>/dev/null && echo mounted; mknod /dev/x b 8 0 2>/dev/null && echo device; true`,
      );
      assert.equal(done.stdout.toString(), '');
      for (const dir of ['/usr', '/etc', '/var', '/opt']) await assert.rejects(stat(`${dir}/${mark}`), { code: 'ENOENT' });
      const seen = await shell(sandbox, 'participant', `ls /usr/${mark} /etc/${mark} /var/${mark} /opt/${mark} 2>/dev/null`);
      assert.equal(seen.stdout.toString(), '');
    },
  },
  {
    name: 'a family’s data is read-only where it is seen, and what is for the scorer the participant never sees',
    needs: (capabilities) => capabilities.filesystem,
    run: async (world) => {
      const folders = ['everyone', 'scorer'].map((name) => join(world.dir, `data-${name}`));
      for (const folder of folders) {
        await mkdir(folder, { recursive: true, mode: 0o755 });
        await writeFile(join(folder, 'a.bin'), folder, { mode: 0o444 });
      }
      const [everyone = '', scorer = ''] = folders;
      const readOnly = [
        { hostPath: everyone, path: '/opt/data' },
        { hostPath: scorer, path: '/opt/scorer-data', only: 'scorer' as const },
      ];
      const sandbox = await world.sandbox({ readOnly });
      const look =
        'cat /opt/data/a.bin; echo; cat /opt/scorer-data/a.bin 2>/dev/null; rm -f /opt/*data/a.bin 2>/dev/null; echo x 2>/dev/null > /opt/data/b';
      assert.equal((await shell(sandbox, 'participant', look)).stdout.toString(), `${everyone}\n`);
      assert.equal((await shell(sandbox, 'scorer', look)).stdout.toString(), `${everyone}\n${scorer}`);
      for (const folder of folders) assert.deepEqual(await readdir(folder), ['a.bin']);
      if (!world.capabilities.scorerIsRoot) return;
      const asAgent = await shell(
        sandbox,
        'scorer',
        `setpriv --reuid 1000 --regid 1000 --clear-groups /bin/sh -c '${look}; ls /opt/scorer-data'`,
      );
      assert.equal(asAgent.stdout.toString(), `${everyone}\n`);
    },
  },
  {
    name: 'no view holds a privilege or can gain one, and a scorer that is root only what giving files away and becoming `agent` take',
    needs: views,
    run: async (world) => {
      const sandbox = await world.sharedSandbox();
      for (const view of ['participant', 'scorer', 'platform'] as const) {
        const status = (await shell(sandbox, view, 'cat /proc/self/status')).stdout.toString();
        const held = [...status.matchAll(/^Cap\w+:\s+(\w+)$/gm)].map(([, mask]) => BigInt(`0x${mask}`));
        assert.equal(held.length, CAPABILITY_SETS, view);
        const declared = view === 'scorer' && world.capabilities.scorerIsRoot ? ROOT_SCORER_CAPABILITIES : 0n;
        assert.equal((held.reduce((all, mask) => all | mask, 0n) & ~declared).toString(16), '0', view);
        assert.match(status, /^NoNewPrivs:\s+1$/m, view);
      }
      for (const view of ['participant', 'platform'] as const) {
        const made = await shell(sandbox, view, 'unshare -U true 2>/dev/null && echo namespaces');
        assert.equal(made.stdout.toString(), '', view);
      }
      if (process.getuid?.() === 0) assert.ok(sandbox.hostUid !== null && sandbox.hostUid > 0);
    },
  },
  {
    name: 'training may lock memory without a limit of its own, where whoever runs the platform may lift it or has none',
    needs: (capabilities) => capabilities.memoryLimit,
    run: async (world) => {
      const effective = /^CapEff:\s+(\w+)/m.exec(await readFile('/proc/self/status', 'utf8'))?.[1] ?? '0';
      const hardLimit = /^Max locked memory +\S+ +(\S+)/m.exec(await readFile('/proc/self/limits', 'utf8'))?.[1];
      const mayLift = hardLimit === 'unlimited' || (BigInt(`0x${effective}`) & CAP_SYS_RESOURCE) !== 0n;
      const sandbox = await world.sharedSandbox();
      for (const view of ['participant', 'scorer'] as const) {
        const locked = (await shell(sandbox, view, 'ulimit -l')).stdout.toString();
        assert.equal(locked === 'unlimited\n', mayLift, `${view}: ${locked}`);
      }
    },
  },
  {
    name: 'a participant sees and signals only its own processes',
    needs: views,
    run: async (world) => {
      const sandbox = await world.sharedSandbox();
      const { home } = sandbox.paths;
      const begun = Promise.withResolvers<void>();
      const scorer = sandbox.run('scorer', ['/bin/sh', '-c', `echo begun; until [ -e ${home}/over ]; do sleep 0.1; done; echo unharmed`], {
        timeoutMs: UNTIL_ENDED_MS,
        maxOutputBytes: 1000,
        onLine: () => begun.resolve(),
      });
      await begun.promise;
      const done = await shell(
        sandbox,
        'participant',
        `kill -0 ${process.pid} && echo "sig""nalled"; for p in /proc/[0-9]*; do tr "\\0" " " < $p/cmdline; echo; done; kill -9 -1`,
      );
      assert.doesNotMatch(done.stdout.toString(), /signalled|unharmed|node|bwrap|enter\.py/);
      assert.equal((await shell(sandbox, 'participant', 'touch over && echo still here')).stdout.toString(), 'still here\n');
      assert.equal((await scorer).stdout.toString(), 'begun\nunharmed\n');
    },
  },
  {
    name: 'all commands of a participant share processes, network and /tmp; the scorer shares none of them',
    needs: views,
    run: async (world) => {
      const sandbox = await world.sandbox();
      const server =
        'import http.server; http.server.HTTPServer(("127.0.0.1", 8099), http.server.SimpleHTTPRequestHandler).serve_forever()';
      const background = sandbox.run('participant', ['/usr/bin/python3', '-c', server], {
        timeoutMs: UNTIL_ENDED_MS,
        maxOutputBytes: 10_000,
      });
      const look =
        'import urllib.request, time, sys\nfor n in range(100):\n    try:\n        sys.exit(print(urllib.request.urlopen("http://127.0.0.1:8099/").status))\n    except OSError: time.sleep(0.05)\nprint("none")';
      const get = (view: 'participant' | 'scorer', tries: number) =>
        sandbox.run(view, ['/usr/bin/python3', '-c', look.replace('100', String(tries))], { timeoutMs: 20_000, maxOutputBytes: 10_000 });
      assert.equal((await get('participant', 200)).stdout.toString(), '200\n');
      assert.equal((await get('scorer', 2)).stdout.toString(), 'none\n');
      await shell(sandbox, 'participant', 'echo shared > /tmp/x');
      const done = await shell(sandbox, 'participant', "cat /tmp/x; grep -l 'http.serve[r]' /proc/[0-9]*/cmdline | wc -l");
      assert.match(done.stdout.toString(), /^shared\n[1-9]/);
      assert.equal(
        (
          await shell(sandbox, 'scorer', "cat /tmp/x 2>/dev/null; grep -l 'http.serve[r]' /proc/[0-9]*/cmdline 2>/dev/null | wc -l")
        ).stdout.toString(),
        '0\n',
      );
      await sandbox.killParticipant();
      await background;
    },
  },
  {
    name: 'a scorer can run the participant’s code where it sees neither /root nor /protected',
    needs: views,
    run: async (world) => {
      const sandbox = await world.sharedSandbox();
      await shell(sandbox, 'participant', 'echo "ls /root /protected; echo ran" > solution.sh');
      const nested =
        'bwrap --unshare-all --ro-bind /usr /usr --symlink usr/bin /bin --symlink usr/lib /lib --symlink usr/lib64 /lib64 --proc /proc --dev /dev --bind /home/agent /home/agent --die-with-parent sh /home/agent/solution.sh';
      const inner = world.capabilities.scorerIsRoot ? 'runuser -u agent -- sh /home/agent/solution.sh' : nested;
      const done = await shell(sandbox, 'scorer', inner);
      assert.equal(done.stdout.toString(), 'ran\n', done.stderr.toString());
      for (const hidden of ['/root', '/protected']) assert.ok(done.stderr.toString().includes(hidden));
    },
  },
  {
    name: 'a scorer is root with the group `protected`, and what it guards is read by that group alone',
    needs: (capabilities) => capabilities.scorerIsRoot,
    run: async (world) => {
      const sandbox = await world.sharedSandbox();
      const done = await shell(
        sandbox,
        'scorer',
        `id -u; stat -c '%U:%G %a' /protected /root; echo log > /protected/score.log; chown root:protected /protected/score.log; chmod 0660 /protected/score.log
        echo 'echo row >> /protected/score.log; id -un; id -gn; cat /protected/score.log' > /home/agent/score.sh
        runuser agent --group=protected --command="sh /home/agent/score.sh"; runuser -u agent -- cat /protected/score.log 2>/dev/null || echo refused; rm /protected/score.log`,
      );
      assert.equal(
        done.stdout.toString(),
        '0\nroot:protected 750\nroot:root 700\nagent\nprotected\nlog\nrow\nrefused\n',
        done.stderr.toString(),
      );
    },
  },
  {
    name: 'without a network there is no way to the host',
    needs: (capabilities) => capabilities.networkNone,
    run: (world) => assertHostUnreachable(world, 'none'),
  },
  {
    name: 'with the internet there is still no way to the host',
    needs: (capabilities) => capabilities.networkNone && capabilities.networkInternet,
    run: async (world) => {
      const mounted = await mountShared(world);
      await assertHostUnreachable(world, 'internet');
      assert.ok(await mounted(), 'what the host had mounted is no longer there');
      const sandbox = await world.sandbox({ network: 'internet' });
      const routes = (await shell(sandbox, 'participant', 'cat /proc/net/route')).stdout.toString();
      assert.match(routes, /tap0\s+00000000/);
    },
  },
  {
    name: 'a workspace that the sandbox’s user cannot walk to is refused with what to do',
    needs: (capabilities) => capabilities.views && !capabilities.ownImage && process.getuid?.() === 0,
    run: async (world) => {
      const hidden = join(world.dir, 'hidden');
      await mkdir(hidden, { mode: 0o700 });
      await assert.rejects(world.sandbox({ workspaceDir: join(hidden, 'workspace') }), {
        code: 'sandbox_unavailable',
        message: /PLUMBLINE_DATA_DIR/,
      });
      const own = join(world.dir, 'own-workspace');
      await mkdir(own, { mode: 0o700 });
      assert.equal(
        (await shell(await world.sandbox({ workspaceDir: own }), 'participant', 'touch x && echo written')).stdout.toString(),
        'written\n',
      );
    },
  },
  {
    name: 'the task socket is at hand and cannot be replaced',
    needs: views,
    run: async (world) => {
      const spec = await world.spec();
      await mkdir(spec.socketDir, { recursive: true });
      const server = await listen(world, { path: join(spec.socketDir, 'task.sock') });
      await chmod(join(spec.socketDir, 'task.sock'), 0o666);
      const sandbox = await world.isolation.create(spec);
      world.later(() => sandbox.destroy());
      const script =
        'import socket; c = socket.socket(socket.AF_UNIX); c.connect("/run/plumbline/task.sock"); print(c.recv(100).decode(), end="")';
      const done = await sandbox.run('participant', ['/usr/bin/python3', '-c', script], { timeoutMs: 10_000, maxOutputBytes: 1000 });
      assert.equal(done.stdout.toString(), 'the host\n', done.stderr.toString());
      assert.equal(server.reached(), 1);
      assert.notEqual((await shell(sandbox, 'participant', 'rm -f /run/plumbline/task.sock; mv /run/plumbline /run/x')).exitCode, 0);
    },
  },
];

import { execFileSync } from 'node:child_process';
import { appendFileSync, readdirSync, readFileSync, rmSync, statfsSync, statSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { canMakeVolumes } from '@plumbline/sandbox/isolation/workspaceVolume';
import { environmentScore } from '@plumbline/taskstandard';
import { isAbsent, notRoot } from '@plumbline/testing/absence';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { type RigOptions, RunnerRig, TAB, WITHIN } from './runnerRig.fixture.ts';
import type { StubGateway } from './stubGateway.fixture.ts';

const FAMILY = fileURLToPath(new URL('../../../environments/practice', import.meta.url));
const RUST = fileURLToPath(new URL('../../../environments/re-bench/rust_codecontests', import.meta.url));
const DISK_BYTES = 64 * 1024 ** 2;

let base: string;
let imageDir: string;
let rig: RunnerRig;
let gateway: StubGateway;

/** Under /var/tmp rather than the system's own folder, because the sandbox's user must be able to walk there. */
beforeAll(async () => {
  base = await mkdtemp('/var/tmp/plumbline-runner-');
  await chmod(base, 0o711);
  imageDir = join(base, 'images');
  await mkdir(imageDir);
});

afterAll(async () => {
  await rm(base, { recursive: true, force: true });
});

/** Of an installation whose world is not that of one without a seed: there the better solution of the Rust environment has another score. */
const secrets = { PLUMBLINE_SEED_VALUE: 'of this installation' };

async function scored(scoreId: string): Promise<Record<string, unknown>> {
  await vi.waitFor(() => expect(gateway.eventsOf('score.finished').some(({ data }) => data.scoreId === scoreId)).toBe(true), {
    timeout: 120_000,
    interval: 50,
  });
  return gateway.eventsOf('score.finished').find(({ data }) => data.scoreId === scoreId)?.data ?? {};
}

/** A runner with a sandbox and a gateway of its own, and what it was started with. */
async function fresh(name: string, more: Partial<RigOptions> = {}): Promise<RigOptions> {
  rig = new RunnerRig();
  gateway = rig.gateway;
  const options = { stateDir: join(base, name), imageDir, familyDir: FAMILY, secrets, ...more };
  await begin(options);
  return options;
}

async function begin(options: RigOptions): Promise<void> {
  const failed = await rig.start(options);
  expect(failed, rig.stderr).toBeNull();
}

/** Processes of this machine whose command line names the folder. */
function processesOf(dir: string): string[] {
  return readdirSync('/proc').flatMap((pid) => {
    if (!/^\d+$/.test(pid)) return [];
    try {
      const line = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
      return line.includes(dir) ? [`${pid} ${line.replaceAll('\0', ' ')}`] : [];
    } catch {
      return [];
    }
  });
}

afterEach(() => rig.end());

describe('a runner with a real sandbox', () => {
  it('serves shells, freezes and thaws them, keeps them over a lost gateway, and leaves nothing behind', async () => {
    const { stateDir } = await fresh('shells');
    await expect(gateway.call('terminal.open', { cols: 80, rows: 24 })).rejects.toThrow('clock_not_running');
    rig.clock('running');
    const first = await rig.openTerminal();
    const second = await rig.openTerminal();
    rig.typeInto(first, 'echo hello-$((1+1)) > /tmp/shared; id -un; pwd\r');
    await rig.shows(first, /\/home\/agent\r\n/);
    rig.typeInto(second, 'cat /tmp/shared; ls /root /protected\r');
    await rig.shows(second, /hello-2/);
    await rig.shows(second, /ls: (cannot|.*denied)/);

    // Of what runs it is told in which terminal it was started, also of what a shell put behind it; not where a program made one of its own.
    rig.typeInto(second, 'sleep 4321 & setsid sleep 4322 & script -qc "sleep 4323" /dev/null\r');
    await vi.waitFor(async () => {
      const { processes } = await gateway.call<{ processes: { command: string; terminal: number | null }[] }>('sandbox.processes');
      const where = Object.fromEntries(processes.map((one) => [one.command.slice(-10), one.terminal]));
      expect(where).toMatchObject({ 'sleep 4321': second, 'sleep 4322': null, 'sleep 4323': null });
      expect(new Set(processes.map((one) => one.terminal))).toEqual(new Set([first, second, null]));
    }, WITHIN);
    rig.typeInto(second, '\x03');

    // Not a loop of bash, which may miss a Ctrl-C between two programs.
    const loop = `[(print('tick-%d' % n, flush=True), f.write(b'.'), time.sleep(0.05)) for n in itertools.count(1)]`;
    rig.typeInto(first, `python3 -c "import itertools, time; f = open('ticks', 'ab', 0); ${loop}"\r`);
    await rig.shows(first, /tick-3/);
    expect(await gateway.call('freeze')).toMatchObject({ method: expect.any(String) });
    const causes = () => gateway.eventsOf('snapshot.taken').map(({ data }) => data.cause);
    await vi.waitFor(() => expect(causes()).toContain('pause'), WITHIN);
    rig.clock('frozen');
    // What was printed may still be on its way, a file is as long as it is.
    const ticks = () => statSync(join(stateDir, 'workspace', 'ticks')).size;
    const before = ticks();
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(ticks()).toBe(before);
    rig.clock('running');
    // As a page does that hears of the clock before the sandbox runs.
    await gateway.call('terminal.open', { cols: 80, rows: 24 });
    await vi.waitFor(() => expect(ticks()).toBeGreaterThan(before + 3), WITHIN);

    gateway.acknowledges = false;
    gateway.cut();
    await vi.waitFor(() => expect(gateway.hellos).toHaveLength(2), WITHIN);
    gateway.acknowledges = true;
    rig.clock('running');
    rig.typeInto(first, '\x03');
    rig.typeInto(first, 'echo after-$((40+2))\r');
    await rig.shows(first, /after-42/);
    const screen = await gateway.call<{ screen: string; offset: number }>('restore', { terminal: first });
    expect(screen.screen).toContain('after-42');
    // Everything came, and what came again is what was not acknowledged.
    const distinct = [...new Set(gateway.numbers)].sort((a, b) => a - b);
    expect(distinct).toEqual(distinct.map((_, i) => i + 1));

    expect(await readFile(join(stateDir, 'workspace', 'instructions.txt'), 'utf8')).not.toBe('');
    expect(await rig.endRunner()).toBe(0);
    await vi.waitFor(() => expect(processesOf(stateDir)).toEqual([]), WITHIN);
  });

  it('records on while its participant’s disk is full, and goes on with the same workspace, numbering and marks after it was killed', async () => {
    const isLimited = await canMakeVolumes();
    const options = await fresh('killed', { diskBytes: DISK_BYTES });
    rig.clock('running');
    const first = await rig.openTerminal();
    if (isLimited) {
      rig.typeInto(first, `head -c ${2 * DISK_BYTES} /dev/zero > big; echo full-$((1+1)); rm big\r`);
      await rig.shows(first, /No space left on device[\s\S]*full-2/);
    }
    rig.typeInto(first, 'echo kept > kept.txt; echo wrote-$((1+1)); sleep 1000\r');
    await rig.shows(first, /wrote-2/);
    gateway.acknowledges = false;
    const saved = await gateway.call<{ hash: string }>('file.write', { tab: TAB, path: 'notes.md', text: 'mine', baseHash: null });
    await rig.endRunner('SIGKILL');
    const lastN = Math.max(...gateway.numbers);
    gateway.acknowledges = true;
    await begin(options);
    rig.clock('running');
    const hello = gateway.hellos.at(-1);
    expect(hello?.incarnation).toBe(gateway.hellos[0]?.incarnation);
    expect(hello?.lastN).toBeGreaterThanOrEqual(lastN);
    expect(hello?.inputMarks).toEqual({ [TAB]: rig.typed });
    await vi.waitFor(() => expect(gateway.eventsOf('terminal.closed').some(({ stream }) => stream === first)).toBe(true), WITHIN);
    expect(gateway.eventsOf('editor.saved').some(({ data }) => data.hash === saved.hash)).toBe(true);
    const second = await rig.openTerminal();
    expect(second).toBeGreaterThan(first);
    rig.typeInto(second, 'cat kept.txt notes.md; pgrep -fc "sleep 1000"; echo end-$((1+1))\r');
    await rig.shows(second, /end-2/);
    expect(gateway.output(second)).toMatch(/kept\r\nmine0\r\n/);
  });

  // Only root may give the journal a disk of its own.
  it.skipIf(isAbsent('a full disk under a runner’s journal', notRoot()))(
    'holds what is typed while its own disk is full, says so, and goes on when there is room',
    async () => {
      const disk = join(base, 'host-full', 'journal');
      await mkdir(disk, { recursive: true });
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', disk]);
      try {
        await fresh('host-full');
        rig.clock('running');
        const terminal = await rig.openTerminal();
        rig.typeInto(terminal, 'echo be$((1))fore\r');
        // And the prompt after it: what comes from here on is counted.
        await rig.shows(terminal, /be1fore[\s\S]*\$ $/);
        const ballast = join(disk, 'ballast');
        const free = () => statfsSync(disk).bavail;
        while (free() > 0) {
          try {
            appendFileSync(ballast, Buffer.alloc(Math.min(free(), 4) * 4096));
          } catch {
            // The runner took some of it meanwhile.
          }
        }
        const numbers = gateway.numbers.length;
        rig.typeInto(terminal, `: ${'x'.repeat(5_000)}; echo af$((2))ter\r`);
        await vi.waitFor(() => expect(gateway.messages.some(({ t }) => t === 'stalled')).toBe(true), WITHIN);
        gateway.messages.length = 0;
        const greeted = gateway.hellos.length;
        gateway.cut();
        await vi.waitFor(() => expect(gateway.hellos.length).toBeGreaterThan(greeted), WITHIN);
        expect(gateway.hellos.at(-1)).toMatchObject({ phase: 'starting' });
        // Answered behind what is told to a gateway that comes back.
        await gateway.call('restore', { terminal });
        expect(gateway.messages.filter(({ t }) => t === 'ready')).toEqual([]);
        expect(gateway.numbers.length - numbers).toBeLessThan(5);
        rmSync(ballast);
        await rig.shows(terminal, /af2ter/);
        await vi.waitFor(() => expect(gateway.messages.some(({ t }) => t === 'ready')).toBe(true), WITHIN);
        expect([...new Set(gateway.numbers)]).toEqual(Array.from({ length: new Set(gateway.numbers).size }, (_, i) => i + 1));
        expect(rig.runs).toBe(true);
      } finally {
        execFileSync('umount', ['-l', disk]);
      }
    },
  );

  it('brings back what was deleted as it was, and never over what is there again; what it could not bring back it does not delete', async () => {
    const { stateDir } = await fresh('deleted');
    rig.clock('running');
    const terminal = await rig.openTerminal();
    rig.typeInto(terminal, 'mkdir -p folder/in; echo old > folder/in/file; ln -s folder link; echo made-$((1+1))\r');
    await rig.shows(terminal, /made-2/);
    const file = join(stateDir, 'workspace', 'folder/in/file');
    const deleted = async (path: string) => (await gateway.call('file.delete', { path, keep: true })) as { undo: string };
    for (const path of ['folder/in/file', 'folder']) {
      const { undo } = await deleted(path);
      rig.typeInto(terminal, `mkdir -p folder/in; echo new > folder/in/file; echo anew-$((1+1))-${path}.\r`);
      await rig.shows(terminal, new RegExp(`anew-2-${path}\\.`));
      await expect(gateway.call('file.undelete', { undo })).rejects.toThrow('conflict');
      expect(readFileSync(file, 'utf8')).toBe('new\n');
      await gateway.call('file.delete', { path });
      await gateway.call('file.undelete', { undo });
      expect(readFileSync(file, 'utf8')).toBe('old\n');
    }
    await expect(deleted('link/in/file')).rejects.toThrow('too_large');
    expect(readFileSync(file, 'utf8')).toBe('old\n');
  });

  it('scores the workspace, scores a submission again in a clean sandbox, and tells both as they are', async () => {
    await fresh('scores');
    rig.clock('running');
    await gateway.call('score', { scoreId: 'one', n: 1, trigger: 'participant' });
    const first = await scored('one');
    expect(first).toMatchObject({ status: 'scored', n: 1 });
    const captured = gateway.eventsOf('submission.captured').find(({ data }) => data.scoreId === 'one')?.data;
    expect(captured?.hashAfter).toBe(captured?.hash);
    expect(gateway.blobs.has(String(captured?.hash))).toBe(true);
    const details = gateway.eventsOf('score.details').find(({ data }) => data.scoreId === 'one')?.data;
    expect(details).toMatchObject({ hashBefore: captured?.hash, scorerHash: expect.stringMatching(/^[0-9a-f]{64}$/) });

    const terminal = await rig.openTerminal();
    rig.typeInto(terminal, 'find . -name "*.py" -delete; find . -type f; echo gone-$((1+1))\r');
    await rig.shows(terminal, /gone-2/);
    const two = gateway.call('score', { scoreId: 'two', n: 2, trigger: 'participant' });
    await expect(gateway.call('score', { scoreId: 'other', n: 3, trigger: 'participant' })).rejects.toThrow('conflict');
    await two;
    expect((await scored('two')).status).not.toBe('scored');

    rig.clock('ended');
    await gateway.call('finalise');
    await vi.waitFor(() => expect(gateway.eventsOf('terminal.closed')).toHaveLength(1), WITHIN);
    expect(gateway.eventsOf('snapshot.taken').map(({ data }) => data.cause)).toEqual(expect.arrayContaining(['start', 'score', 'end']));
    await gateway.call('score', { scoreId: 'clean', n: 3, trigger: 'clean', submissionHash: captured?.hash });
    const clean = await scored('clean');
    expect(clean).toMatchObject({ status: 'scored', score: first.score });
    await gateway.call('finalise');
  });

  it('answers for a model in shells and scores, each with a budget of its own, records the calls, and scores one workspace alike everywhere', async () => {
    const { stateDir } = await fresh('model', { familyDir: RUST, task: 'small' });
    rig.clock('running');
    const terminal = await rig.openTerminal();
    const say = `cd solution; python3 -c 'from model import *; print(len(ask([{"role":"user","content":"hello"}], n=3)), budget()["spent_usd"] > 0)'`;
    rig.typeInto(terminal, `${say}\r`);
    await rig.shows(terminal, /3 True/);
    expect(gateway.eventsOf('model.call').map(({ data }) => [data.asker, data.status])).toEqual([['participant', 200]]);

    // A little better than the starting solution.
    const path = 'solution/solve_code_contests_rust.py';
    const source = readFileSync(join(RUST, 'assets/workspace', path), 'utf8');
    const text = source
      .replace('temperature=0)[0]', 'temperature=0)[0].split("```rust\\n")[-1].split("```")[0]')
      .replace('solve(problem) for problem in problems', 'solve(problem) if i % 2 == 0 else "" for i, problem in enumerate(problems)');
    await gateway.call('file.delete', { path });
    await gateway.call('file.write', { tab: TAB, path, text, baseHash: null });
    await gateway.call('score', { scoreId: 'model', n: 1, trigger: 'participant' });
    const live = await scored('model');
    expect(live).toMatchObject({ status: 'scored' });
    expect(live['score']).toBeGreaterThan(0);
    const calls = gateway.eventsOf('model.call').filter(({ data }) => data.asker === 'scorer');
    expect(calls).toHaveLength(6);
    const bare = await environmentScore(RUST, 'small', { workspace: join(stateDir, 'workspace'), secrets });
    expect(bare.outcome.score).toBe(live['score']);

    const hash = gateway.eventsOf('submission.captured').find(({ data }) => data.scoreId === 'model')?.data.hash;
    rig.clock('ended');
    await gateway.call('finalise');
    await gateway.call('score', { scoreId: 'model-clean', n: 2, trigger: 'clean', submissionHash: hash });
    expect(await scored('model-clean')).toMatchObject({ status: 'scored', score: live['score'] });
  }, 240_000);

  it('freezes by itself when time is up, and says so', async () => {
    const { stateDir } = await fresh('zero');
    rig.clock('running');
    const terminal = await rig.openTerminal();
    rig.typeInto(terminal, 'while true; do echo t-ick; printf . >> ticks; sleep 0.02; done\r');
    await rig.shows(terminal, /^t-ick\r/m);
    const at = performance.now();
    rig.clock('running', 400);
    await vi.waitFor(() => expect(gateway.messages.some((message) => message.t === 'zero' && message.clockN === rig.clockN)).toBe(true), {
      timeout: 20_000,
      interval: 5,
    });
    expect(performance.now() - at).toBeGreaterThan(350);
    const ticks = () => statSync(join(stateDir, 'workspace', 'ticks')).size;
    const before = ticks();
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(ticks()).toBe(before);
    rig.clock('ended');
    await gateway.call('finalise');
    expect(gateway.eventsOf('terminal.closed')).toHaveLength(1);
  });

  it('forwards the task command, and answers nonsense on its socket with errors', async () => {
    const { stateDir } = await fresh('task');
    rig.clock('running');
    const terminal = await rig.openTerminal();
    rig.typeInto(terminal, 'task note from the shell\r');
    const asked = await vi.waitFor(() => {
      const found = gateway.messages.find((message) => message.t === 'task');
      if (found?.t !== 'task') throw new Error(`no request yet: ${gateway.output(terminal)}`);
      return found;
    }, WITHIN);
    expect(asked).toMatchObject({ act: 'note', args: { text: 'from the shell' } });
    gateway.send({ t: 'taskReply', id: asked.id, result: { n: 4 } });
    await rig.shows(terminal, /Note 4/);

    const answers: Record<string, { code: string }>[] = [];
    const socket = connect(join(stateDir, 'run', 'task.sock'));
    let rest = '';
    socket.on('data', (data) => {
      const lines = (rest + data.toString()).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) answers.push(JSON.parse(line));
    });
    socket.on('error', () => {});
    socket.write('nonsense\n[1]\n{"id":7,"act":"submit-all"}\n');
    await vi.waitFor(
      () => expect(answers.map(({ error }) => error?.code)).toEqual(['invalid_input', 'invalid_input', 'invalid_input']),
      WITHIN,
    );
    for (let i = 0; i < 100; i++) socket.write('{"id":1,"act":"status"}\n');
    await vi.waitFor(() => expect(answers.at(-1)?.error?.code).toBe('rate_limited'), WITHIN);
    socket.write('x'.repeat(200_000));
    await vi.waitFor(() => expect(answers.at(-1)?.error?.code).toBe('too_large'), WITHIN);
    socket.destroy();
  });
});

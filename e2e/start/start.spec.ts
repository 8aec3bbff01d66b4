import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { chownSync, globSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { expect, test } from '@playwright/test';
import { startAttempt, until } from '../support/attempt.ts';
import { GATEWAY_PORT, newDataDir, WEB_PORT } from '../support/platform.ts';
import { familyOf, signalAll } from '../support/processFamily.ts';
import { Session } from '../support/session.ts';
import { Tab } from '../support/tab.ts';

const ROOT = join(import.meta.dirname, '../..');
const BASE_URL = `http://localhost:${WEB_PORT}`;
/** With a build, which a first start may need, on a machine that does other things too. */
const START_LIMIT_MS = 600_000;
const STOP_LIMIT_MS = 60_000;
/** From the command to the first page, where all is built. */
const AGAIN_LIMIT_MS = 15_000;

/** `daemon`, an account of every Linux, which owns nothing of this checkout. PostgreSQL runs for nobody without one. */
const ORDINARY_UID = 1;
const LEFT_RUNNING = 'sleep 1000000';
/** The disk of the practice task. */
const GIB = 1024 ** 3;

test.describe.configure({ mode: 'serial' });

/** `npm start` as a terminal runs it: a process group of its own, which Ctrl-C reaches as a whole. */
class Start {
  readonly #npm: ChildProcess;
  readonly #startedMs = performance.now();
  readonly #ended: Promise<unknown>;
  output = '';

  /** `before` is a program that is given the command, and runs it elsewhere or as somebody else. */
  constructor(dataDir: string, before: string[] = [], more: NodeJS.ProcessEnv = {}) {
    const env = { ...process.env, PORT: String(WEB_PORT), GATEWAY_PORT: String(GATEWAY_PORT), PUBLIC_URL: BASE_URL };
    const [program = '', ...args] = [...before, 'npm', 'start'];
    this.#npm = spawn(program, args, {
      cwd: ROOT,
      env: { ...env, PLUMBLINE_DATA_DIR: dataDir, PLUMBLINE_SEED: 'demo', ...more },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    this.#ended = new Promise((resolve) => this.#npm.once('exit', resolve));
    for (const stream of [this.#npm.stdout, this.#npm.stderr]) {
      stream?.on('data', (chunk: Buffer) => {
        this.output += chunk.toString();
      });
    }
  }

  /** Milliseconds from the command to the first page. */
  async firstPage(): Promise<number> {
    await until(
      'the first page',
      async () => {
        if (this.#npm.exitCode !== null) return true;
        const response = await fetch(`${BASE_URL}/sign-in`).catch(() => null);
        return response?.status === 200 && (await response.text()).includes('Sign in');
      },
      START_LIMIT_MS,
    );
    expect(this.#npm.exitCode, this.output).toBeNull();
    return performance.now() - this.#startedMs;
  }

  async said(text: string): Promise<void> {
    await until(`"${text}"`, () => this.output.includes(text));
  }

  async ctrlC(): Promise<void> {
    if (this.#npm.exitCode !== null) return;
    process.kill(-(this.#npm.pid as number), 'SIGINT');
    const timer = setTimeout(() => process.kill(-(this.#npm.pid as number), 'SIGKILL'), STOP_LIMIT_MS);
    await this.#ended;
    clearTimeout(timer);
  }

  /** `kill -9`, of npm and of what it runs. */
  async killed(dataDir: string): Promise<void> {
    process.kill(supervisorOf(dataDir).pid, 'SIGKILL');
    process.kill(-(this.#npm.pid as number), 'SIGKILL');
    await this.#ended;
  }
}

interface SupervisorFile {
  pid: number;
  children: { name: string; pid: number }[];
}

function supervisorOf(dataDir: string): SupervisorFile {
  return JSON.parse(readFileSync(join(dataDir, 'supervisor.json'), 'utf8')) as SupervisorFile;
}

async function health(): Promise<{ code: number; parts: Record<string, { state: string; reason?: string }> }> {
  const response = await fetch(`${BASE_URL}/api/health`);
  return { code: response.status, parts: (await response.json()).parts };
}

const unless200 = <T extends { code: number }>(answer: T): T | null => (answer.code === 200 ? null : answer);

/** Processes that belong to the installation, by their environment or their arguments. */
function processesOf(dataDir: string): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .flatMap((pid) => {
      try {
        const [command, environment] = ['cmdline', 'environ'].map((file) => readFileSync(`/proc/${pid}/${file}`, 'latin1'));
        return `${command}${environment}`.includes(dataDir) ? [`${pid} ${command?.replaceAll('\0', ' ')}`] : [];
      } catch {
        // It ended while it was looked at.
        return [];
      }
    });
}

function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

/** A lock's file may stay, as long as nobody holds the lock. */
function isHeld(lockFile: string): boolean {
  return spawnSync('flock', ['--nonblock', lockFile, 'true']).status !== 0;
}

/** What a stopped installation may not leave behind. */
async function leftovers(dataDir: string): Promise<string[]> {
  const unixSockets = readFileSync('/proc/net/unix', 'utf8').split('\n');
  const ports = await Promise.all([WEB_PORT, GATEWAY_PORT].map(async (port) => ((await isListening(port)) ? [`port ${port}`] : [])));
  return [
    ...processesOf(dataDir),
    ...unixSockets.filter((line) => line.includes(dataDir)),
    ...ports.flat(),
    ...globSync(['supervisor.json', '**/{postmaster.pid,.s.PGSQL*,*.sock}'], { cwd: dataDir }),
    ...globSync('**/*.lock', { cwd: dataDir }).filter((file) => isHeld(join(dataDir, file))),
  ];
}

/** Starts the practice attempt and a program that does not end in a terminal of its sandbox. */
async function attemptWithTerminal(): Promise<string> {
  const expert = await Session.signIn(BASE_URL, 'expert@demo.plumbline.local', 'plumbline-demo');
  const attemptId = await startAttempt(expert, /practice/i);
  const tab = new Tab(expert, attemptId);
  await tab.open();
  const { terminal } = await tab.request('terminal.open', { cols: 80, rows: 24 });
  tab.watch(terminal);
  tab.type(terminal, `${LEFT_RUNNING} & echo left-$((1+1))\r`);
  await until('the sandbox to answer', () => tab.text(terminal).includes('left-2'));
  tab.end();
  return attemptId;
}

/** What an account's processes that run a command are doing, as the kernel has it: `S` waits, `T` is stopped by a signal. */
function statesOf(uid: number, command: string): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        if (statSync(`/proc/${pid}`).uid !== uid || readFileSync(`/proc/${pid}/cmdline`, 'latin1') !== `${command.replaceAll(' ', '\0')}\0`)
          return [];
        return [/\) (\S)/.exec(readFileSync(`/proc/${pid}/stat`, 'latin1'))?.[1] ?? ''];
      } catch {
        return [];
      }
    });
}

/** Has an attempt of `attemptWithTerminal` scored, paused, resumed and submitted, by an account that has no control groups. */
async function finishAttempt(attemptId: string): Promise<void> {
  const expert = await Session.signIn(BASE_URL, 'expert@demo.plumbline.local', 'plumbline-demo');
  const tab = new Tab(expert, attemptId);
  await tab.open();
  const { scoreId } = await tab.request('score', {});
  await until('the score', async () =>
    (await tab.request('scores', {})).scores.find((row) => row.scoreId === scoreId && row.status === 'scored'),
  );
  // Its workspace is no disk of its own, and is watched instead.
  await until('the workspace is counted', () => tab.messages.some((told) => told.t === 'resources' && told.sample.diskBytes === GIB));
  expect(statesOf(ORDINARY_UID, LEFT_RUNNING)).toEqual(['S']);
  await tab.request('pause', { reason: 'break' });
  expect(statesOf(ORDINARY_UID, LEFT_RUNNING)).toEqual(['T']);
  await tab.request('resume', {});
  await until('what ran goes on', () => statesOf(ORDINARY_UID, LEFT_RUNNING)[0] === 'S');
  await tab.request('submit', { confirm: true });
  tab.end();
  const read = () => expert.query<{ state: string; scores: { trigger: string; status: string }[] }>('attempt.get', { attemptId });
  await until('the attempt is completed', async () => (await read()).state === 'completed');
  const { scores } = await read();
  expect(scores.map(({ trigger, status }) => `${trigger} ${status}`)).toEqual(
    ['start', 'participant', 'final', 'clean'].map((trigger) => `${trigger} scored`),
  );
}

test.describe('npm start', () => {
  let dataDir: string;
  let running: Start;
  let attemptId: string;

  test.beforeAll(() => {
    dataDir = newDataDir();
  });

  test.afterAll(async () => {
    await running?.ctrlC();
    rmSync(dataDir, { recursive: true, force: true });
  });

  test('starts everything and says where it is, and Ctrl-C leaves nothing, a running attempt included', async () => {
    test.setTimeout(START_LIMIT_MS + STOP_LIMIT_MS + 60_000);
    running = new Start(dataDir);
    console.log(`first page after ${Math.round(await running.firstPage())} ms`);
    await running.said('Ctrl-C');
    expect(running.output).toContain(BASE_URL);
    for (const role of ['expert', 'reviewer', 'researcher', 'admin']) expect(running.output).toContain(`${role}@demo.plumbline.local`);
    attemptId = await attemptWithTerminal();
    expect(processesOf(dataDir).length).toBeGreaterThan(4);
    expect((await leftovers(dataDir)).join('\n')).toMatch(/postmaster\.pid/);
    await running.ctrlC();
    expect(running.output).toContain('Stopped.');
    expect(await leftovers(dataDir)).toEqual([]);
  });

  test('starts again without building, and the attempt is where it was', async () => {
    running = new Start(dataDir);
    const againMs = await running.firstPage();
    console.log(`first page again after ${Math.round(againMs)} ms`);
    expect(againMs).toBeLessThan(AGAIN_LIMIT_MS);
    await running.said('Ctrl-C');
    expect(running.output).not.toContain('Building');
    expect(running.output).not.toContain('Installing');
    const expert = await Session.signIn(BASE_URL, 'expert@demo.plumbline.local', 'plumbline-demo');
    expect(await expert.query<{ state: string }>('attempt.progress', { attemptId })).toMatchObject({ state: 'running' });
    await running.ctrlC();
    expect(await leftovers(dataDir)).toEqual([]);
  });

  test('says which part is away, and why', async () => {
    running = new Start(dataDir);
    await running.firstPage();
    await running.said('Ctrl-C');
    const up = { state: 'up' };
    expect(await health()).toMatchObject({ code: 200, parts: { web: up, gateway: up, worker: up, database: up, store: up } });
    const pidOf = (part: string) => supervisorOf(dataDir).children.find(({ name }) => name === part)?.pid as number;
    const store = join(dataDir, 'store');
    renameSync(store, `${store}.away`);
    writeFileSync(store, '');
    const withoutStore = await until('the store to be missed', async () => unless200(await health()));
    expect(withoutStore.parts).toMatchObject({ web: up, gateway: up, worker: up, database: up });
    expect(withoutStore.parts.store).toEqual({ state: 'down', reason: expect.stringMatching(/^it cannot be /) });
    rmSync(store);
    renameSync(`${store}.away`, store);
    const parts = [pidOf('gateway'), pidOf('worker')];
    signalAll(parts, 'SIGSTOP');
    const away = { state: 'down', reason: expect.stringMatching(/^no heartbeat for \d+ s$/) };
    await until('gateway and worker to be missed', async () => {
      const { code, parts: now } = await health();
      return code === 503 && now.gateway?.state === 'down' && now.worker?.state === 'down';
    });
    expect((await health()).parts).toMatchObject({ web: up, gateway: away, worker: away, database: up, store: up });
    signalAll(parts, 'SIGCONT');
    await until('all parts to be up again', async () => (await health()).code === 200);
    const database = familyOf(pidOf('postgres'));
    signalAll(database, 'SIGSTOP');
    const withoutDatabase = await until('the database to be missed', async () => unless200(await health()));
    signalAll(database, 'SIGCONT');
    const inIt = { state: 'unknown', reason: 'its heartbeat is in the database' };
    const silent = { state: 'down', reason: 'it does not answer' };
    expect(withoutDatabase.parts).toMatchObject({ web: up, gateway: inIt, worker: inIt, database: silent, store: up });
    await until('all parts to be up again', async () => (await health()).code === 200);
  });

  test('repairs itself after a kill -9, with the attempt where it was', async () => {
    await running.killed(dataDir);
    running = new Start(dataDir);
    await running.firstPage();
    await running.said('Ctrl-C');
    expect(running.output).not.toContain('Building');
    const expert = await Session.signIn(BASE_URL, 'expert@demo.plumbline.local', 'plumbline-demo');
    expect(await expert.query<{ state: string }>('attempt.progress', { attemptId })).toMatchObject({ state: 'running' });
    // Until its first beat the worker's last one is the dead one's.
    await until('all parts to be up again', async () => (await health()).code === 200);
    await running.ctrlC();
    expect(await leftovers(dataDir)).toEqual([]);
  });

  test('starts for an ordinary user too, from a path with a blank, with a data folder at one, and takes an attempt to its clean re-score', async () => {
    test.skip(process.getuid?.() !== 0, 'all of the above ran as an ordinary user, and to lay the checkout elsewhere is root’s right');
    const home = join(dataDir, 'an ordinary home');
    const [checkout, data] = [join(home, 'the checkout'), join(home, 'the data')] as const;
    for (const dir of [home, checkout, data]) {
      mkdirSync(dir);
      chownSync(dir, ORDINARY_UID, ORDINARY_UID);
    }
    // In a mount namespace of its own, which ends with its last process.
    const there = 'mount --bind "$1" "$2" && cd "$2" && shift 2 && exec "$@"';
    const asUser = ['setpriv', '--reuid', `${ORDINARY_UID}`, '--regid', `${ORDINARY_UID}`, '--clear-groups'];
    // The checkout is somebody else's, which git takes for an attack.
    const trust = { GIT_CONFIG_COUNT: '1', GIT_CONFIG_KEY_0: 'safe.directory', GIT_CONFIG_VALUE_0: '*' };
    running = new Start(data, ['unshare', '--mount', 'sh', '-c', there, 'sh', ROOT, checkout, ...asUser], { HOME: home, ...trust });
    await running.firstPage();
    await running.said('Ctrl-C');
    expect(running.output).not.toContain('Building');
    await finishAttempt(await attemptWithTerminal());
    for (const { name, pid } of supervisorOf(data).children) expect(statSync(`/proc/${pid}`).uid, name).toBe(ORDINARY_UID);
    await running.ctrlC();
    expect(running.output).toContain('Stopped.');
    expect(await leftovers(data)).toEqual([]);
  });
});

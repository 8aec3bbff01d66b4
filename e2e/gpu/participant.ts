import { join } from 'node:path';
import { type Database, findLiveLease } from '@plumbline/database';
import { assign } from '@plumbline/database/assignments';
import { saveEnvironment } from '@plumbline/database/environments';
import { addEnvironmentToStudy, createStudy } from '@plumbline/database/studies';
import type { EventData } from '@plumbline/protocol';
import { gpuStates } from '@plumbline/sandbox';
import { loadFamily } from '@plumbline/taskstandard';
import { makeAccount } from '../support/accounts.ts';
import { until } from '../support/attempt.ts';
import { expect } from '../support/fixtures.ts';
import type { PlatformUnderTest } from '../support/platform.ts';
import { plumb } from '../support/plumb.ts';
import { readEvents } from '../support/recordingCheck.ts';
import { Session } from '../support/session.ts';
import { Tab } from '../support/tab.ts';

/** What attempts on the GPUs of this machine are asked and shown, whatever way they came to them. */

const FAMILY_DIR = join(import.meta.dirname, 'gpu_probe');
const MIB = 1024 ** 2;
/** What `device.py` holds, of which a driver takes some for itself. */
export const HELD_MIN_BYTES = 4_000 * MIB;
/** Preparing, waking and giving back: a process, a sandbox and a driver that wakes up. */
export const MACHINE_MS = 120_000;

/** This machine's GPUs, as they were before any attempt. */
export const gpus = await gpuStates(null);
/** `H100`, of `NVIDIA H100 80GB HBM3`. */
export const model = gpus[0]?.model.replace(/^NVIDIA /, '').split(' ')[0] ?? '';

export const usedBytes = async () => (await gpuStates(null)).map(({ memoryUsedBytes }) => memoryUsedBytes ?? 0);

/** The driver gives memory back a moment after a process has ended. */
export const untilFree = () =>
  until('the GPUs’ memory is free again', async () =>
    (await usedBytes()).every((bytes, index) => bytes <= (gpus[index]?.memoryUsedBytes ?? 0) + 64 * MIB),
  );

/** A participant with an attempt of their own that needs `gpuCount` of these GPUs. */
export class Participant {
  readonly session: Session;
  attemptId = '';
  readonly #db: Database;
  #tab: Tab | null = null;
  #terminal = 0;

  constructor(db: Database, session: Session) {
    this.#db = db;
    this.session = session;
  }

  /** People who are assigned the probe of GPUs, in a study of their own. */
  static async assigned(
    { db, platform, admin }: { db: Database; platform: PlatformUnderTest; admin: Session },
    { study, people, gpuCount }: { study: string; people: number; gpuCount: number },
  ): Promise<Participant[]> {
    const { contentHash, tasks } = loadFamily(FAMILY_DIR);
    const main = tasks['main'];
    if (main?.settings === undefined) throw new Error('the family has no task main');
    const gpu = { count_range: [gpuCount, gpuCount] as [number, number], model };
    const settings = { ...main.settings, resources: { ...main.settings.resources, gpu } };
    const environment = { family: 'gpu_probe', task: 'main', version: main.version, familyDir: FAMILY_DIR, contentHash, settings };
    const { id: environmentId } = await saveEnvironment(db, environment as Parameters<typeof saveEnvironment>[1]);
    const { id: studyId } = await createStudy(db, { name: study, kind: 'qa' }, { by: null });
    await addEnvironmentToStudy(db, studyId, environmentId);
    return Promise.all(
      Array.from({ length: people }, async () => {
        const { userId, email, password } = await makeAccount(admin, 'expert');
        await assign(db, { studyId, userId, environmentId }, { by: null });
        return new Participant(db, await Session.signIn(platform.baseUrl, email, password));
      }),
    );
  }

  /** The page that they work on. */
  get tab(): Tab {
    if (this.#tab === null) throw new Error('they have not entered');
    return this.#tab;
  }

  /** Opens a page on the attempt, and a terminal in it. */
  async enter(): Promise<void> {
    this.#tab = new Tab(this.session, this.attemptId);
    await this.#tab.open();
    await until('the sandbox is attached', () => this.tab.sandbox === 'attached');
    await this.openTerminal();
  }

  /** Sandboxes that are woken have none open. */
  async openTerminal(): Promise<void> {
    const { terminal } = await until('a shell', () => this.tab.request('terminal.open', { cols: 200, rows: 50 }), MACHINE_MS);
    this.tab.watch(terminal);
    this.#terminal = terminal;
  }

  leave(): void {
    this.#tab?.end();
  }

  /** What a command prints, of which nothing else in the terminal looks like. */
  async sh(command: string): Promise<string> {
    const mark = Math.floor(Math.random() * 1e9);
    this.tab.type(this.#terminal, ` echo from-$((${mark})); ${command}; echo to-$((${mark}))\n`);
    const shown = new RegExp(`^from-${mark}\\n([\\s\\S]*?)^to-${mark}$`, 'm');
    return until(`the output of ${command}`, () => shown.exec(this.tab.text(this.#terminal))?.[1]);
  }

  /** Starts a computation on the GPU that goes on until it is ended, and answers once it has computed right. */
  async compute(): Promise<void> {
    await this.sh('python3 device.py > said 2>&1 & sleep 0');
    await this.launches();
  }

  /** How often the computation was right so far; it fails where it was wrong once. */
  async launches(): Promise<number> {
    const [, launches, verdict] = await until('the computation’s progress', async () =>
      /^(\d+) (right|wrong)$/m.exec(await this.sh('cat progress')),
    );
    expect(verdict).toBe('right');
    return Number(launches);
  }

  /** What was recorded of a moment at which the first GPU was at work. */
  async sampleAtWork(platform: PlatformUnderTest): Promise<EventData<'resource.sample'>> {
    const atWork = async () =>
      (await readEvents(platform, this.attemptId))
        .flatMap((event) => (event.type === 'resource.sample' ? [event.data] : []))
        .findLast(({ gpus: [gpu] = [] }) => gpu !== undefined && gpu.usePercent >= 50);
    return until('a sample with the GPU at work', atWork, MACHINE_MS);
  }

  /** Asks for a score and answers its row once it is there. */
  async score() {
    const { n } = await this.tab.request('score', {});
    const isThere = async () => {
      const { scores } = await this.tab.request('scores', {});
      return scores.find((score) => score.n === n && score.status !== 'running' && score.status !== 'queued');
    };
    return until('the score', isThere, MACHINE_MS);
  }

  lease() {
    return findLiveLease(this.#db, this.attemptId);
  }

  async progress(): Promise<{ state: string; progress: string | null }> {
    return this.session.query('attempt.progress', { attemptId: this.attemptId });
  }

  /** The acceptance tests of their machines, in turn, each with the names of what was looked at. */
  async acceptances(): Promise<{ passed: boolean; profile: string | null; checks: string[] }[]> {
    const tests = await this.#db.prisma.acceptance.findMany({ where: { attemptId: this.attemptId }, orderBy: { at: 'asc' } });
    return tests.map(({ passed, profile, report }) => ({
      passed,
      profile,
      checks: (report as { check: string }[]).map(({ check }) => check),
    }));
  }

  /** Waits for the attempt’s orderly end after a submission: complete, its machine given back, its recording whole. */
  async untilOver(platform: PlatformUnderTest): Promise<void> {
    await until('the attempt is complete', async () => (await this.progress()).state === 'completed', MACHINE_MS);
    await until('its lease has ended', async () => (await this.lease()) === null, MACHINE_MS);
    expect((await plumb(platform, 'verify', this.attemptId)).output).toContain('intact');
  }
}

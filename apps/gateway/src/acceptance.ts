import { type AcceptanceCheck, hardwareChecks, hardwareProfile, startingScoreCheck } from '@plumbline/core';
import {
  findCalibration,
  findHostById,
  findLiveLease,
  lastRefusedAtMs,
  listScores,
  markReady,
  moveAttempt,
  needOf,
  placeAnew,
  requestScore,
  saveAcceptance,
  saveBuildLog,
  setProgress,
} from '@plumbline/database';
import type { RunnerHello, RunnerToGateway } from '@plumbline/protocol';
import type { LiveAttempt } from './liveAttempt.ts';
import type { RunnerConnection } from './runnerConnection.ts';

/** A starting score that was cancelled is asked for again; a machine on which none can be taken so often is not ready. */
const START_SCORES_MAX = 3;

/** How often the journal's mark is looked at while what a runner brings along becomes durable. */
const POLL_MS = 50;

type Ready = Extract<RunnerToGateway, { t: 'ready' }>;

/** From a runner's call to an attempt that can begin: what an earlier life of it left, the starting score, the machine's test, `ready`. */
export class Acceptance {
  readonly #attempt: LiveAttempt;
  #attaching: Promise<void> = Promise.resolve();
  #turn: Promise<void> = Promise.resolve();
  #logging: Promise<void> = Promise.resolve();

  constructor(attempt: LiveAttempt) {
    this.#attempt = attempt;
  }

  /** A runner was attached. Once everything it journalled before is durable, rows that still run and that it does not know are lost. */
  attached(runner: RunnerConnection, hello: RunnerHello): Promise<void> {
    const attaching = this.#attach(runner, hello);
    this.#attaching = attaching.catch(() => {});
    return attaching;
  }

  async #attach(runner: RunnerConnection, hello: RunnerHello): Promise<void> {
    while (this.#attempt.runner === runner && this.#attempt.runnerMark < hello.lastN) {
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
    if (this.#attempt.runner === runner) await this.#attempt.scoring.cancelLost(hello.scoring);
  }

  /** What a build printed, kept in the order in which it came: each part takes the place of all from its first line on. */
  buildLog({ first, lines }: Extract<RunnerToGateway, { t: 'buildLog' }>): Promise<void> {
    const { id, gateway } = this.#attempt;
    const work = this.#logging.then(() => saveBuildLog(gateway.db, id, first, lines));
    this.#logging = work.catch(() => {});
    return work;
  }

  /** The sandbox is up. A runner says so again at each call, so that what one gateway began another one ends. */
  ready(message: Ready): Promise<void> {
    const work = this.#turn.then(() => this.#attaching).then(() => this.#accept(message));
    this.#turn = work.catch(() => {});
    return work;
  }

  async #accept(message: Ready): Promise<void> {
    const { id, scoring } = this.#attempt;
    const { db, log } = this.#attempt.gateway;
    await this.#attempt.refresh();
    // Under way, one that replaces another has no starting score to give; it is there.
    if (this.#attempt.view.state !== 'provisioning') return setProgress(db, id, null, null);
    const runner = this.#attempt.runner;
    const refusedAtMs = (await lastRefusedAtMs(db, id)) ?? 0;
    const startRow = async () =>
      (await listScores(db, id)).findLast(
        (row) => row.trigger === 'start' && row.status !== 'cancelled' && row.requestedAt.getTime() > refusedAtMs,
      );
    await scoring.settled();
    let row = await startRow();
    for (let asked = 0; row === undefined; asked += 1) {
      if (asked === START_SCORES_MAX)
        return this.failed('The starting solution could not be scored. Try again, and tell the staff if it stays.');
      await setProgress(db, id, 'Scoring the starting solution', null);
      await scoring.start(await requestScore(db, id, 'start'));
      await scoring.settled();
      await this.#attempt.refresh();
      if (runner === null || this.#attempt.runner !== runner || this.#attempt.view.state !== 'provisioning') return;
      row = await startRow();
    }
    if (runner === null || this.#attempt.runner !== runner) return;
    const { node } = message.hardware;
    const { hostId, profile, checks } = await this.#examine(message);
    const { environment, settings } = this.#attempt.view;
    const { startingScore, referenceScore } = settings;
    const span = startingScore === null || referenceScore === null ? null : referenceScore - startingScore;
    checks.push(startingScoreCheck(row, await findCalibration(db, environment.id, profile, 'start'), span));
    const failed = checks.filter((check) => !check.passed);
    await saveAcceptance(db, { attemptId: id, hostId, node, passed: failed.length === 0, report: checks, profile });
    if (failed.length === 0) {
      await markReady(db, id, message);
    } else {
      const reason = failed.map(({ check, expected, found }) => `${check}: ${found}, expected ${expected}`).join('; ');
      log.warn({ attempt: id, hostId, node, reason }, 'a machine did not pass its acceptance test');
      await placeAnew(db, id, {
        reason: `It did not pass its acceptance test. ${reason}`,
        progress: 'The machine did not pass its acceptance test; another one is looked for.',
      });
      runner.send({ t: 'shutdown', reason: 'the machine did not pass its acceptance test' });
    }
    await this.#attempt.refresh();
  }

  /** Holds what the runner found against what was leased, and against what the host's last check found. */
  async #examine({ hardware }: Ready): Promise<{ hostId: string | null; profile: string; checks: AcceptanceCheck[] }> {
    const { id, view, gateway } = this.#attempt;
    const need = needOf(view.settings);
    const lease = await findLiveLease(gateway.db, id);
    const host = lease?.hostId == null ? null : await findHostById(gateway.db, lease.hostId);
    const inventory = host?.inventory ?? null;
    const expected = {
      need,
      gpuIds: lease?.gpuIds ?? [],
      drivers: new Map((inventory?.gpus ?? []).map((gpu) => [gpu.id, gpu.driver])),
      diskWriteBytesPerSecond: inventory?.diskWriteBytesPerSecond ?? null,
    };
    const profile = hardwareProfile({
      gpuModels: hardware.gpus.map(({ model }) => model),
      cpus: Math.min(need.cpus ?? hardware.cpus, hardware.cpus),
      cpuModel: hardware.cpuModel,
    });
    return { hostId: host?.id ?? null, profile, checks: hardwareChecks(expected, hardware) };
  }

  /** The sandbox could not be made. Before its start the person may ask again; an ended attempt gets another try by itself, and staff read why. */
  async failed(reason: string): Promise<void> {
    const { id, gateway, view } = this.#attempt;
    if (view.state === 'finalising') {
      return setProgress(gateway.db, id, `The sandbox could not be made again, which is tried again by itself. ${reason}`, null);
    }
    if (view.state !== 'provisioning') return;
    await moveAttempt(gateway.db, id, 'scheduled', { progress: reason });
    this.#attempt.runner?.send({ t: 'shutdown', reason: 'provisioning failed' });
    await this.#attempt.refresh();
  }
}

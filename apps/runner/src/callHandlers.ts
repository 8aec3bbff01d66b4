import { AppError } from '@plumbline/core';
import type { Blobs } from './blobs.ts';
import type { CallHandlers } from './calls.ts';
import type { EventLog } from './eventLog.ts';
import type { FreezeHolds } from './freezeHolds.ts';
import type { LanguageActs } from './language/languageActs.ts';
import type { ParticipantClock } from './participantClock.ts';
import type { Provisioned } from './provision.ts';
import type { SandboxPorts } from './sandboxPorts.ts';
import type { Scoring } from './scoring.ts';
import { applySetup } from './setup.ts';
import type { Snapshots } from './snapshots.ts';
import type { Terminals } from './terminals.ts';
import type { WorkspaceActs } from './workspaceActs.ts';

/** Before a sandbox is left, uploads get so long. */
const LAST_UPLOADS_MS = 30_000;
const NOT_STORED = 'Your files could not be stored in time, so the machine was not given back. Try again, or take a plain pause.';

/** What carries out the gateway's calls. */
export interface CallHandlerOptions extends Pick<Provisioned, 'sandbox' | 'files' | 'task'> {
  readonly stateDir: string;
  readonly log: EventLog;
  readonly blobs: Blobs;
  readonly holds: FreezeHolds;
  readonly participantClock: ParticipantClock;
  readonly terminals: Terminals;
  readonly snapshots: Snapshots;
  readonly scoring: Scoring;
  readonly acts: WorkspaceActs;
  readonly ports: SandboxPorts;
  readonly language: LanguageActs;
  /** The participant's part is over; done once, however often it is asked for. */
  readonly endParticipant: () => Promise<void>;
  /** The family's `teardown()`, once. */
  readonly tearDown: () => Promise<void>;
}

/** One handler for each call that a gateway may make of a sandbox that is ready. */
export function callHandlers(options: CallHandlerOptions): CallHandlers {
  const { sandbox, files, task, stateDir, log, blobs, holds, participantClock, terminals, snapshots, scoring } = options;
  const { acts, ports, language, endParticipant, tearDown } = options;
  return {
    'file.list': (args) => acts.list(args),
    'file.read': (args) => acts.read(args),
    'file.write': (args) => acts.write(args),
    'file.create': (args) => acts.create(args),
    'file.rename': (args) => acts.rename(args),
    'file.delete': (args) => acts.delete(args),
    'file.undelete': (args) => acts.undelete(args),
    'file.range': (args) => acts.range(args),
    'file.download': (args) => acts.download(args),
    'archive.range': (args) => acts.archiveRange(args),
    'file.upload': (args) => acts.upload(args),
    'file.dropUpload': (args) => acts.dropUpload(args),
    'file.search': (args) => acts.search(args),
    'file.paths': () => acts.paths(),
    'file.history': (args) => acts.history(args),
    'file.changed': () => acts.changed(),
    'file.textAt': (args) => acts.textAt(args),
    'language.sync': (args) => language.sync(args),
    'language.close': (args) => language.close(args),
    'language.diagnose': (args) => language.diagnose(args),
    'language.complete': (args) => language.complete(args),
    'language.hover': (args) => language.hover(args),
    'language.define': (args) => language.define(args),
    'language.uses': (args) => language.uses(args),
    'language.rename': (args) => language.rename(args),
    'language.source': (args) => language.source(args),
    'language.interpreters': () => language.interpreters(),
    'language.useInterpreter': (args) => language.useInterpreter(args),
    'language.signature': (args) => language.signature(args),
    'language.symbols': (args) => language.symbols(args),
    'terminal.open': async ({ cols, rows, name }) => {
      await participantClock.whenRunning();
      return { terminal: terminals.open(cols, rows, name) };
    },
    'terminal.resize': ({ terminal, cols, rows }) => {
      terminals.resize(terminal, cols, rows);
      return {};
    },
    'terminal.rename': ({ terminal, name }) => {
      terminals.rename(terminal, name);
      return {};
    },
    'terminal.close': ({ terminal }) => {
      terminals.close(terminal);
      return {};
    },
    'sandbox.processes': async () => {
      const [processes, devices] = await Promise.all([sandbox.processes(), terminals.devices()]);
      const terminalOf = (device: string | null) => (device === null ? null : (devices.get(device) ?? null));
      return { processes: processes.map((process) => ({ ...process, terminal: terminalOf(process.terminal) })) };
    },
    'port.list': async () => ({ ports: await ports.list() }),
    'port.connect': async ({ port, stream }) => {
      await participantClock.whenRunning();
      await ports.connect(port, stream);
      return {};
    },
    freeze: async () => {
      await holds.hold('pausing');
      void snapshots.take('pause');
      return { method: holds.method };
    },
    hibernate: async () => {
      await holds.hold('pausing');
      // Another machine has only what is stored.
      await snapshots.takeSurely('pause');
      if (!(await blobs.drained(LAST_UPLOADS_MS))) throw new AppError('unavailable', NOT_STORED);
      return { lastN: log.recordedN };
    },
    thaw: async () => {
      await holds.release('pausing');
      return {};
    },
    'setup.apply': async ({ setup }) => {
      participantClock.assertWaiting();
      await applySetup({ files, stateDir: stateDir, log }, setup);
      await snapshots.take('start');
      return {};
    },
    restore: async ({ terminal }) => ({ terminal, ...(await terminals.restore(terminal)) }),
    'scrollback.drop': async () => {
      await terminals.dropScrollback();
      return {};
    },
    'journal.forget': () => {
      log.forgetAcknowledged();
      return {};
    },
    instructions: () => ({ markdown: task.facts.instructions }),
    score: async (order) => {
      await scoring.start(order);
      return {};
    },
    'score.current': () => ({ scoreId: scoring.current, lastN: log.recordedN }),
    'score.cancel': () => {
      scoring.cancel();
      return {};
    },
    finalise: async () => {
      await endParticipant();
      await blobs.drained(LAST_UPLOADS_MS);
      return {};
    },
    teardown: async () => {
      await tearDown();
      return {};
    },
  };
}

import { z } from 'zod';
import { TerminalInfo } from './browserLink.ts';
import { BUILD_LOG_LINE_CHARACTERS, BUILD_LOG_LINES } from './limits.ts';
import { RunningScore, WireError } from './requests.ts';
import { AttemptSetup } from './setup.ts';

/**
 * The socket that a runner dials: `GET /realtime/runner`, first message `hello` with the incarnation's token. The
 * runner numbers what it journals from 1 without gaps and resends from the gateway's mark at each attach; the gateway
 * acknowledges what Postgres has committed.
 */

export const RunnerHello = z.object({
  t: z.literal('hello'),
  protocol: z.int(),
  version: z.string(),
  attemptId: z.string(),
  token: z.string().max(200),
  /** The runner's own name for this life of the process; a new one is a new event source. */
  incarnation: z.string().max(64),
  /**
   * The oldest and newest numbers still in its journal. Where the recording does not reach up to the oldest, what lies between
   * is lost, and a gap says so.
   */
  firstN: z.int().min(1),
  lastN: z.int(),
  /** Its wall clock and monotonic clock at sending, to map its times to the server's. */
  wallMs: z.number(),
  monoMs: z.number(),
  phase: z.enum(['starting', 'ready', 'finalised']),
  terminals: z.array(TerminalInfo),
  frozen: z.boolean(),
  /** The score that runs now; a row that is `running` and is not this one, nor finished in the journal, was lost with its process. */
  scoring: z.string().nullable().default(null),
  /** The tab marks: highest input number taken from each tab. */
  inputMarks: z.record(z.string(), z.number()),
});
export type RunnerHello = z.infer<typeof RunnerHello>;

export const ScoreResult = z.object({
  scoreId: z.string(),
  status: z.enum(['scored', 'nan', 'invalid_submission', 'timed_out', 'out_of_memory', 'crashed', 'bad_output', 'cancelled']),
  score: z.number().nullable(),
  message: z.unknown(),
  details: z.unknown(),
  /** Tail of what the scorer printed, at most 64 KiB; for staff. */
  output: z.string(),
  durationMs: z.number(),
  scorerHash: z.string(),
  submissionHash: z.string(),
  submissionHashAfter: z.string(),
});
export type ScoreResult = z.infer<typeof ScoreResult>;

export const GatewayToRunner = z.discriminatedUnion('t', [
  /**
   * Answer to `hello`. The runner resends its journal after `ackedN`, the last of its numbers that is recorded; `lastTerminal` is
   * the highest number that a terminal has had. Either may be beyond what a runner knows whose host lost power: it goes on behind them.
   * `recordedBytes` is the size of the recording so far, which bounds how fast terminals are read.
   */
  z.object({
    t: z.literal('attached'),
    epoch: z.number(),
    ackedN: z.number(),
    lastTerminal: z.int(),
    recordedBytes: z.number().optional(),
    serverNowMs: z.number(),
  }),
  z.object({ t: z.literal('refused'), error: WireError }),
  z.object({ t: z.literal('ack'), n: z.number() }),
  /**
   * A participant's tab is at work, and its input up to `inputN` needs no runner any more. A runner that replaces one whose
   * folder is gone knows of no tab, and would wait for their first number for ever.
   */
  z.object({ t: z.literal('tab'), tab: z.string(), inputN: z.number() }),
  /** Idempotent; the highest `n` wins. `frozen` freezes the participant, `running` thaws and arms the expiry timer. */
  z.object({ t: z.literal('clock'), n: z.int(), state: z.enum(['waiting', 'running', 'frozen', 'ended']), remainingMs: z.number() }),
  /** A call with one answer (`answer`): those of `SANDBOX_REQUESTS` and `RUNNER_CALLS`. */
  z.object({ t: z.literal('call'), id: z.string(), act: z.string(), args: z.unknown() }),
  /** Answer to a `task` of the task command. */
  z.object({ t: z.literal('taskReply'), id: z.string(), result: z.unknown().optional(), error: WireError.optional() }),
  /** Ends the runner. `tearDown`: nobody needs its sandbox any more, so the family is to give back what it took for it. */
  z.object({ t: z.literal('shutdown'), reason: z.string(), tearDown: z.boolean().optional() }),
  z.object({ t: z.literal('ping'), id: z.number() }),
  z.object({ t: z.literal('pong'), id: z.number() }),
]);
export type GatewayToRunner = z.infer<typeof GatewayToRunner>;

/** Calls that only the gateway makes; those of `SANDBOX_REQUESTS` are passed through unchanged. */
export const RUNNER_CALLS = {
  /** Freeze the participant and answer when it is done; the pause is committed after that. `restore: true` undoes it. */
  freeze: { args: z.object({}), result: z.object({ method: z.string() }) },
  thaw: { args: z.object({}), result: z.object({}) },
  /** Freezes, takes a snapshot, and answers when it lies in the store; `lastN` is the journal's last number then. */
  hibernate: { args: z.object({}), result: z.object({ lastN: z.number() }) },
  restore: {
    args: z.object({ terminal: z.int() }),
    result: z.object({ terminal: z.int(), cols: z.int(), rows: z.int(), offset: z.number(), screen: z.string() }),
  },
  /** Forgets what has scrolled off every terminal's screen. From the answer on no keyframe and no restore has it. */
  'scrollback.drop': { args: z.object({}), result: z.object({}) },
  /** Has what was recorded so far leave the host's disk as soon as it is acknowledged. */
  'journal.forget': { args: z.object({}), result: z.object({}) },
  /** Puts a changed setup in the place of the one that the sandbox has. Only before the clock runs; idempotent. */
  'setup.apply': { args: z.object({ setup: AttemptSetup }), result: z.object({}) },
  instructions: { args: z.object({}), result: z.object({ markdown: z.string() }) },
  /** Answers as soon as the score is under way; the result comes as journalled events (`score.finished`, `score.details`). */
  score: {
    args: z.object({
      scoreId: z.string(),
      n: z.int(),
      trigger: z.enum(['start', 'participant', 'periodic', 'final', 'clean', 'retro']),
      submissionHash: z.string().optional(),
    }),
    result: z.object({}),
  },
  /** The score under way whose result is not journalled yet, and the journal's last number as this is said: what it has is decided. */
  'score.current': { args: z.object({}), result: z.object({ scoreId: z.string().nullable(), lastN: z.number() }) },
  'score.cancel': { args: z.object({}), result: z.object({}) },
  /**
   * Connects to a port of the sandbox's own loopback, and carries its bytes over a socket that the runner dials for it:
   * `GET /realtime/ports/STREAM`. Answers when the program has taken the connection.
   */
  'port.connect': {
    args: z.object({ port: z.int().min(1).max(65_535), stream: z.string().regex(/^[0-9a-f]{32}$/) }),
    result: z.object({}),
  },
  /** Ends the participant's processes and takes the last snapshot. Idempotent. */
  finalise: { args: z.object({}), result: z.object({}) },
  /** Runs the family's `teardown()` after the last score, where it has one; its failure is in the log alone. */
  teardown: { args: z.object({}), result: z.object({}) },
} as const;
export type RunnerCall = keyof typeof RUNNER_CALLS;

/** What a runner found on its host for the attempt: the ground of the acceptance test. */
export const SandboxHardware = z.object({
  /** The node, as its cluster's scheduler names it; null on a machine of its own. */
  node: z.string().max(255).nullable().default(null),
  cpus: z.int(),
  cpuModel: z.string().max(200),
  gpus: z
    .array(
      z.object({
        id: z.string().max(100),
        model: z.string().max(200),
        driver: z.string().max(100),
        memoryBytes: z.number().nullable(),
        memoryUsedBytes: z.number().nullable(),
        smClockMhz: z.number().nullable(),
        smClockMaxMhz: z.number().nullable(),
        slowedDown: z.boolean().nullable(),
      }),
    )
    .max(64),
  /** Why the GPUs could not be asked; null where they could. */
  gpuProblem: z.string().max(1_000).nullable(),
  diskWriteBytesPerSecond: z.number().nullable(),
});
export type SandboxHardware = z.infer<typeof SandboxHardware>;

export const RunnerToGateway = z.discriminatedUnion('t', [
  RunnerHello,
  /** A journalled event other than terminal bytes. `tab`/`inputN` never stand here. */
  z.object({ t: z.literal('event'), n: z.number(), atMs: z.number(), type: z.string(), stream: z.number(), data: z.unknown() }),
  z.object({ t: z.literal('answer'), id: z.string(), result: z.unknown().optional(), error: WireError.optional() }),
  /** Progress before the sandbox is ready, for the person who waits. */
  z.object({ t: z.literal('progress'), step: z.string(), fraction: z.number().nullable() }),
  /**
   * What the environment's build printed, from line `first` on, counted from 0. It stands in the place of all that was told from that
   * line on: what is kept of it is told again at each attach, and a runner that builds anew begins with line 0.
   */
  z.object({
    t: z.literal('buildLog'),
    first: z.int().min(0),
    lines: z.array(z.string().max(BUILD_LOG_LINE_CHARACTERS)).max(BUILD_LOG_LINES),
  }),
  /** The sandbox is up. Said again at each attach; the gateway holds the machine's test and moves the attempt to `ready`. */
  z.object({
    t: z.literal('ready'),
    instructionsHash: z.string(),
    isolation: z.string(),
    freezeMethod: z.string(),
    /** What the family's permissions let the participant reach; not said by a runner that was placed before runners said it. */
    network: z.enum(['none', 'internet']).optional(),
    hardware: SandboxHardware,
  }),
  z.object({ t: z.literal('failed'), reason: z.string() }),
  /** The disk under the journal is full, or a freeze cannot be undone: the sandbox is as good as away, until `ready` is said again. */
  z.object({ t: z.literal('stalled') }),
  /** The attempt's terminals have put out so much that they are read slowly from here on. Said once, and again at each attach. */
  z.object({ t: z.literal('outputLimited') }),
  z.object({ t: z.literal('terminals'), terminals: z.array(TerminalInfo) }),
  /** The score that runs has come to its next step. Said again at each attach. */
  z.object({ t: z.literal('scoreStep'), score: RunningScore }),
  /** The runner's own timer reached zero and it froze; provisional until `expired` is committed. */
  z.object({ t: z.literal('zero'), clockN: z.int() }),
  /** The host slept: wall clock and monotonic clock parted by this much. */
  z.object({ t: z.literal('slept'), fromMs: z.number(), toMs: z.number() }),
  z.object({ t: z.literal('task'), id: z.string(), act: z.string(), args: z.unknown() }),
  z.object({ t: z.literal('ping'), id: z.number() }),
  z.object({ t: z.literal('pong'), id: z.number() }),
]);
export type RunnerToGateway = z.infer<typeof RunnerToGateway>;

const OUTPUT_KIND = 1;
const INPUT_KIND = 2;
const HEADER_BYTES = 29;
const TAB_ID_BYTES = 36;

export type RunnerFrame =
  | { kind: 'output'; n: number; atMs: number; terminal: number; offset: number; bytes: Uint8Array }
  /** `hidden`: the terminal did not echo; `bytes` is then empty and `length` tells how many there were. */
  | {
      kind: 'input';
      n: number;
      atMs: number;
      terminal: number;
      tab: string;
      inputN: number;
      hidden: boolean;
      paste: boolean;
      length: number;
      bytes: Uint8Array;
    };

/**
 * runner → gateway, journalled terminal bytes. Big endian: kind u8, n f64, atMs f64, terminal u32, then for output
 * offset f64 and the bytes; for input inputN f64, flags u8 (bit 0 hidden, bit 1 paste), length u32, tab id (36 ASCII bytes) and the bytes.
 */
export function encodeRunnerFrame(frame: RunnerFrame): Uint8Array {
  const extra = frame.kind === 'input' ? 5 + TAB_ID_BYTES : 0;
  const out = new Uint8Array(HEADER_BYTES + extra + frame.bytes.length);
  const view = new DataView(out.buffer);
  view.setUint8(0, frame.kind === 'output' ? OUTPUT_KIND : INPUT_KIND);
  view.setFloat64(1, frame.n);
  view.setFloat64(9, frame.atMs);
  view.setUint32(17, frame.terminal);
  view.setFloat64(21, frame.kind === 'output' ? frame.offset : frame.inputN);
  if (frame.kind === 'input') {
    view.setUint8(29, (frame.hidden ? 1 : 0) | (frame.paste ? 2 : 0));
    view.setUint32(30, frame.length);
    const tab = frame.tab.padEnd(TAB_ID_BYTES, ' ');
    for (let i = 0; i < TAB_ID_BYTES; i++) out[34 + i] = tab.charCodeAt(i);
  }
  out.set(frame.bytes, HEADER_BYTES + extra);
  return out;
}

/** The reverse of `encodeRunnerFrame`; null for anything that is not such a frame. */
export function decodeRunnerFrame(data: Uint8Array): RunnerFrame | null {
  if (data.length < HEADER_BYTES) return null;
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const kind = view.getUint8(0);
  const n = view.getFloat64(1);
  const atMs = view.getFloat64(9);
  if (!Number.isSafeInteger(n) || n < 1 || !Number.isFinite(atMs)) return null;
  const terminal = view.getUint32(17);
  const third = view.getFloat64(21);
  if (!Number.isSafeInteger(third) || third < 0) return null;
  if (kind === OUTPUT_KIND) return { kind: 'output', n, atMs, terminal, offset: third, bytes: data.subarray(HEADER_BYTES) };
  if (kind !== INPUT_KIND || data.length < HEADER_BYTES + 5 + TAB_ID_BYTES) return null;
  const flags = view.getUint8(29);
  const tab = String.fromCharCode(...data.subarray(34, 34 + TAB_ID_BYTES)).trimEnd();
  return {
    kind: 'input',
    n,
    atMs,
    terminal,
    tab,
    inputN: third,
    hidden: (flags & 1) !== 0,
    paste: (flags & 2) !== 0,
    length: view.getUint32(30),
    bytes: data.subarray(HEADER_BYTES + 5 + TAB_ID_BYTES),
  };
}

/**
 * The runner takes input number mark + 1 of a tab and nothing else: lower ones it has, higher ones follow a loss, after
 * which the tab sends again from the mark. A block without bytes stands for input that was refused (typed while paused):
 * its number is taken and journalled, and nothing is written.
 *
 * gateway → runner, the participant's input: kind u8 = 2, flags u8 (bit 0: more), terminal u32, inputN f64, tab id (36), bytes. */
export function encodeForwardedInput(frame: { tab: string; terminal: number; n: number; more: boolean; bytes: Uint8Array }): Uint8Array {
  const out = new Uint8Array(14 + TAB_ID_BYTES + frame.bytes.length);
  const view = new DataView(out.buffer);
  view.setUint8(0, INPUT_KIND);
  view.setUint8(1, frame.more ? 1 : 0);
  view.setUint32(2, frame.terminal);
  view.setFloat64(6, frame.n);
  const tab = frame.tab.padEnd(TAB_ID_BYTES, ' ');
  for (let i = 0; i < TAB_ID_BYTES; i++) out[14 + i] = tab.charCodeAt(i);
  out.set(frame.bytes, 14 + TAB_ID_BYTES);
  return out;
}

/** The reverse of `encodeForwardedInput`; null for anything that is not such a frame. */
export function decodeForwardedInput(
  data: Uint8Array,
): { tab: string; terminal: number; n: number; more: boolean; bytes: Uint8Array } | null {
  if (data.length < 14 + TAB_ID_BYTES || data[0] !== INPUT_KIND) return null;
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const n = view.getFloat64(6);
  if (!Number.isSafeInteger(n) || n < 1) return null;
  return {
    tab: String.fromCharCode(...data.subarray(14, 14 + TAB_ID_BYTES)).trimEnd(),
    terminal: view.getUint32(2),
    n,
    more: (view.getUint8(1) & 1) === 1,
    bytes: data.subarray(14 + TAB_ID_BYTES),
  };
}

export const IsolationName = z.enum(['none', 'bubblewrap', 'docker']);
export type IsolationName = z.infer<typeof IsolationName>;

/** What the worker hands a new runner on standard input, as one JSON document. The token stands here and nowhere else. */
export const RunnerConfig = z.object({
  attemptId: z.string(),
  token: z.string(),
  /** ws://…/realtime/runner; blobs go to http://…/realtime/blobs/SHA256 with the token as bearer. */
  gatewayUrl: z.url(),
  /** The runner's own folder: journal, token, workspace, the sandbox's parts. Survives the process. */
  stateDir: z.string(),
  /** Where prepared environments are cached by content, shared by the host's runners. */
  imageDir: z.string(),
  /** Where families' assets (data, weights) are cached by content, read-only for sandboxes, shared by the host's runners. */
  assetsDir: z.string(),
  /** The task family's folder on this host, and the task in it. */
  familyDir: z.string(),
  task: z.string(),
  /** The settings that the environment was added with, an overlay's among them. Left out: the family's manifest alone. */
  settings: z.record(z.string(), z.unknown()).optional(),
  isolation: IsolationName,
  /** For the isolation `docker`: the image that families are built on, and the engine's socket on the runner's host. */
  docker: z.object({ baseImage: z.string(), socketPath: z.string() }).nullable(),
  memoryBytes: z.number().nullable(),
  diskBytes: z.number().nullable(),
  maxProcesses: z.int().nullable(),
  cpus: z.number().positive().nullable(),
  /** The GPUs of the attempt's lease, as `nvidia-smi` names them (GPU-…). Nothing else of the host's GPUs is seen. */
  gpuIds: z.array(z.string()),
  /**
   * The state to go on from where the workspace was lost: snapshot bundles, oldest first, by the hash of their plain bytes, and
   * the highest number that a terminal has had.
   */
  restore: z.object({ bundles: z.array(z.string()), lastTerminal: z.int() }).nullable(),
  /** The participant's dotfiles, for a sandbox that is made; a workspace that is brought back is laid on top of them. */
  setup: AttemptSetup.nullable().default(null),
  /** The provider of models behind environments, for the runner's own proxy; its key reaches no sandbox. Null: there is none. */
  model: z.object({ url: z.url(), key: z.string() }).nullable().default(null),
  /** Secrets that the family's `required_environment_variables` name. Reach the scorer's view only. */
  secrets: z.record(z.string(), z.string()),
});
export type RunnerConfig = z.infer<typeof RunnerConfig>;

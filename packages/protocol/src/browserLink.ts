import { z } from 'zod';
import { EVENTS } from './events.ts';
import { TERMINAL_PROGRAM_MAX } from './limits.ts';
import {
  AttemptMessage,
  AttemptStatus,
  DocumentState,
  NoteKind,
  ReplyMessage,
  RequestMessage,
  ScoreProgress,
  ScoreRow,
  ScoreScale,
  WireError,
} from './requests.ts';

/**
 * The socket between a browser tab and the gateway: `GET /realtime/attempt?ticket=…`. JSON in text frames, terminal
 * bytes in binary ones. A tab has a random id for its life; its recorded events and its input are numbered apart, each
 * from 1 without gaps, kept until acknowledged, and sent again after a reconnect.
 */

export const TerminalInfo = z.object({
  terminal: z.int(),
  name: z.string(),
  cols: z.int(),
  rows: z.int(),
  open: z.boolean(),
  exitCode: z.int().nullable(),
  /** The command that has been running in it for a while, as its shell tells it. */
  program: z.string().max(TERMINAL_PROGRAM_MAX).optional(),
});
export type TerminalInfo = z.infer<typeof TerminalInfo>;

export const ClockView = z.object({
  /** The number of the last clock event; a lower one is stale and ignored. */
  n: z.int(),
  state: z.string(),
  elapsedMs: z.number(),
  remainingMs: z.number(),
  limitMs: z.number(),
  running: z.boolean(),
  serverNowMs: z.number(),
  pausesLeft: z.int(),
  pauseLeftMs: z.number(),
  /** How long until the platform ends the open pause; null without one, or without a cap. */
  pauseEndsInMs: z.number().nullable().optional(),
  /** Of an open hibernation: when it is over, on the clock of `serverNowMs`. */
  wakesAtMs: z.number().nullable().optional(),
  /** The machine was given back, and none is wanted yet. */
  hibernating: z.boolean().optional(),
  /** The last time that work was lost with a machine: what happened, and what the clock was set back to. */
  rollback: z.object({ n: z.int(), toElapsedMs: z.number(), reason: z.string() }).optional(),
  /** What staff did last to the clock, and why; `creditMs` of an adjustment, positive where it gave time back. */
  staff: z
    .object({
      n: z.int(),
      kind: z.enum(['paused', 'resumed', 'adjusted', 'stopped']),
      reason: z.string(),
      creditMs: z.number().optional(),
    })
    .optional(),
  /** Where the open pause is one that staff made, and end: why. */
  staffPause: z.object({ reason: z.string() }).optional(),
});
export type ClockView = z.infer<typeof ClockView>;

export const BrowserToGateway = z.discriminatedUnion('t', [
  /**
   * First message of a tab: the first event and the first input that it still holds, or will send next. Events below, where the
   * recording has not got them, are lost with an earlier page of the tab, and a gap says so. `monoMs` is the tab's monotonic clock at
   * sending: by it the events that it kept are dated to when they happened.
   */
  z.object({
    t: z.literal('hello'),
    protocol: z.int(),
    tab: z.uuid(),
    firstEventN: z.int().min(1),
    firstInputN: z.number(),
    monoMs: z.number().optional(),
  }),
  RequestMessage,
  /** A recorded event that the tab claims. `monoMs` is the tab's monotonic clock, mapped by a measured offset. */
  z.object({ t: z.literal('event'), n: z.int().min(1), type: z.string(), monoMs: z.number(), data: z.unknown() }),
  /** Watch a terminal's output: answered by `restore`, then binary output frames. */
  z.object({ t: z.literal('attach'), terminal: z.int() }),
  z.object({ t: z.literal('detach'), terminal: z.int() }),
  /** Bytes of this terminal that have been drawn since the restore. */
  z.object({ t: z.literal('credit'), terminal: z.int(), drawnBytes: z.number() }),
  z.object({ t: z.literal('ping'), monoMs: z.number() }),
  z.object({ t: z.literal('pong'), id: z.number() }),
]);
export type BrowserToGateway = z.infer<typeof BrowserToGateway>;

export const GatewayToBrowser = z.discriminatedUnion('t', [
  z.object({
    t: z.literal('welcome'),
    version: z.string(),
    attemptId: z.string(),
    title: z.string(),
    clock: ClockView,
    status: AttemptStatus,
    terminals: z.array(TerminalInfo),
    scores: z.array(ScoreRow),
    /** Null where the environment has none, or its scores are hidden from the participant. */
    scoreScale: ScoreScale.nullable(),
    /** What the score that runs is at, where that is known. */
    scoreProgress: ScoreProgress.optional(),
    /** Whether the sandbox answers now. */
    sandbox: z.enum(['attached', 'away']),
    /** What is already durable from this tab. */
    eventsDurable: z.number(),
    inputDurable: z.number(),
  }),
  ReplyMessage,
  /** `warningMs`: so much time or less is left since just now, one of `WARNINGS_MS`. */
  z.object({ t: z.literal('clock'), clock: ClockView, warningMs: z.number().optional() }),
  /**
   * While `away`, input and events may be lost on the way. On `attached` (as after `welcome`) the tab sends everything
   * again that is not durable, in order; what has arrived already is dropped by its number. Terminals get a `restore`.
   */
  z.object({ t: z.literal('sandbox'), state: z.enum(['attached', 'away']) }),
  z.object({ t: z.literal('terminals'), terminals: z.array(TerminalInfo) }),
  /** The whole screen; `offset` is the count of output bytes it includes. The viewer resets the terminal and writes `screen`. */
  z.object({ t: z.literal('restore'), terminal: z.int(), cols: z.int(), rows: z.int(), offset: z.number(), screen: z.string() }),
  z.object({ t: z.literal('score'), row: ScoreRow }),
  z.object({ t: z.literal('scoreProgress'), progress: ScoreProgress }),
  z.object({ t: z.literal('note'), n: z.int(), kind: NoteKind, text: z.string(), elapsedMs: z.number(), atMs: z.number() }),
  AttemptMessage.extend({ t: z.literal('message') }),
  /**
   * A path that changed on disk and may be open in an editor: a large file without its hash, one that is gone without a size, and
   * one that moved, with all that is below it, with its new path.
   */
  z.object({
    t: z.literal('file'),
    path: z.string(),
    to: z.string().optional(),
    hash: z.string().optional(),
    size: z.number().optional(),
    tab: z.string().optional(),
  }),
  /** Of a file that this tab has open: whether this tab is the one that edits it, and what is not saved of it. */
  DocumentState.extend({ t: z.literal('document'), path: z.string() }),
  /** What the sandbox uses now, as it was recorded: see `resource.sample`. */
  z.object({ t: z.literal('resources'), atMs: z.number(), sample: EVENTS['resource.sample'].schema }),
  z.object({ t: z.literal('durable'), events: z.number(), input: z.number() }),
  /** Whether the recording is being made durable; while it is not, a tab may fill its buffer and then stops taking input. */
  z.object({ t: z.literal('recording'), stalled: z.boolean() }),
  /** The terminals have put out so much that they are read slowly for the rest of the attempt. */
  z.object({ t: z.literal('outputLimited') }),
  /** The last minutes were sealed: what changed in them is nobody's to read, so that each tab records anew what it edits. */
  z.object({ t: z.literal('sealed') }),
  z.object({ t: z.literal('error'), error: WireError }),
  z.object({ t: z.literal('ping'), id: z.number() }),
  z.object({ t: z.literal('pong'), monoMs: z.number(), serverNowMs: z.number() }),
]);
export type GatewayToBrowser = z.infer<typeof GatewayToBrowser>;

/** Why the gateway closed a browser's socket. Those from 4400 on are final: do not reconnect with the same ticket. */
export const CLOSE_CODES = {
  restarting: 1012,
  /** The tab reads so slowly that too much waits for it. It comes back, and is sent what is shown now. */
  too_far_behind: 1013,
  ticket_invalid: 4401,
  forbidden: 4403,
  not_found: 4404,
  bad_frame: 4400,
  ended: 4410,
  outdated_client: 4426,
  /** The attempt is open in as many tabs as it may be. */
  too_many_tabs: 4429,
} as const;

const OUTPUT_KIND = 1;
const INPUT_KIND = 2;
const OUTPUT_HEADER_BYTES = 13;
const INPUT_HEADER_BYTES = 14;

/** gateway → browser: kind u8 = 1, terminal u32, offset f64 (bytes put out before these), then the bytes. Big endian. */
export function encodeOutputFrame(frame: { terminal: number; offset: number; bytes: Uint8Array }): Uint8Array {
  const out = new Uint8Array(OUTPUT_HEADER_BYTES + frame.bytes.length);
  const view = new DataView(out.buffer);
  view.setUint8(0, OUTPUT_KIND);
  view.setUint32(1, frame.terminal);
  view.setFloat64(5, frame.offset);
  out.set(frame.bytes, OUTPUT_HEADER_BYTES);
  return out;
}

/** The reverse of `encodeOutputFrame`; null for anything that is not such a frame. */
export function decodeOutputFrame(data: Uint8Array): { terminal: number; offset: number; bytes: Uint8Array } | null {
  if (data.length < OUTPUT_HEADER_BYTES || data[0] !== OUTPUT_KIND) return null;
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  return { terminal: view.getUint32(1), offset: view.getFloat64(5), bytes: data.subarray(OUTPUT_HEADER_BYTES) };
}

export interface InputFrame {
  terminal: number;
  /** Number of this chunk among the tab's input. */
  n: number;
  /** More chunks of the same block follow: the runner writes a block whole, so that a bracketed paste is never cut. */
  more: boolean;
  bytes: Uint8Array;
}

/** browser → gateway: kind u8 = 2, flags u8 (bit 0: more), terminal u32, n f64, then the bytes. Big endian. */
export function encodeInputFrame(frame: InputFrame): Uint8Array {
  const out = new Uint8Array(INPUT_HEADER_BYTES + frame.bytes.length);
  const view = new DataView(out.buffer);
  view.setUint8(0, INPUT_KIND);
  view.setUint8(1, frame.more ? 1 : 0);
  view.setUint32(2, frame.terminal);
  view.setFloat64(6, frame.n);
  out.set(frame.bytes, INPUT_HEADER_BYTES);
  return out;
}

/** The reverse of `encodeInputFrame`; null for anything that is not such a frame. */
export function decodeInputFrame(data: Uint8Array): InputFrame | null {
  if (data.length < INPUT_HEADER_BYTES || data[0] !== INPUT_KIND) return null;
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const flags = view.getUint8(1);
  const n = view.getFloat64(6);
  if (flags > 1 || !Number.isSafeInteger(n) || n < 1) return null;
  return { terminal: view.getUint32(2), n, more: flags === 1, bytes: data.subarray(INPUT_HEADER_BYTES) };
}

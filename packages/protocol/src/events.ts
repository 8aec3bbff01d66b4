import { z } from 'zod';
import { SEAL_REASON_MAX } from './limits.ts';

/**
 * The vocabulary of a recording: every item that may stand in an attempt's log, with its schema and its audience.
 * `participant` items may reach the participant's browser; `staff` items (the default) reach staff alone. What the gateway tells tabs of
 * an event passes `isForParticipant`. The routes that serve recordings answer staff alone, with everything: a participant's own recording
 * is served to no participant.
 */
export type Audience = 'participant' | 'staff';

export interface EventDefinition<S extends z.ZodType = z.ZodType> {
  readonly audience: Audience;
  readonly schema: S;
}

function define<S extends z.ZodType>(schema: S, audience: Audience = 'staff'): EventDefinition<S> {
  return { audience, schema };
}

/** Over any memory: a `Buffer` is one too. */
const bytes: z.ZodType<Uint8Array> = z.instanceof(Uint8Array);
const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const path = z.string().min(1).max(4096);
const tabId = z.uuid();

/** Keyed by `channel.type`. `stream` of an event is the terminal's number on the `terminal` and `command` channels, and 0 elsewhere. */
export const EVENTS = {
  'terminal.opened': define(
    z.object({ cols: z.int(), rows: z.int(), term: z.string(), shell: z.string(), name: z.string().optional() }),
    'participant',
  ),
  /** `offset` is the count of bytes that this terminal put out before these. */
  'terminal.output': define(z.object({ offset: z.number(), bytes }), 'participant'),
  /**
   * What the runner took for the PTY, in the order of typing; a program that leaves too much unread does not get it. `hiddenBytes` stands in
   * for `bytes` where nothing that is typed was shown.
   */
  'terminal.input': define(
    z.object({ tab: z.string(), n: z.number(), bytes: bytes.optional(), hiddenBytes: z.int().optional(), paste: z.boolean().optional() }),
    'participant',
  ),
  'terminal.resized': define(z.object({ cols: z.int(), rows: z.int() }), 'participant'),
  'terminal.renamed': define(z.object({ name: z.string() }), 'participant'),
  /** `screen` is text that, written to a cleared terminal of that size, gives the screen after `offset` bytes of output. */
  'terminal.keyframe': define(z.object({ cols: z.int(), rows: z.int(), offset: z.number(), screen: z.string() }), 'participant'),
  'terminal.closed': define(z.object({ exitCode: z.int().nullable(), signal: z.int().nullable() }), 'participant'),

  /**
   * What bash's shell integration says of a terminal: the participant's shell's own claim, best effort. `text` is absent
   * where the shell does not keep it in its history (a leading blank under `ignorespace`, a repetition under `ignoredups`).
   */
  'command.started': define(z.object({ text: z.string().optional(), directory: z.string() }), 'participant'),
  /** Ends the terminal's last `command.started`. `exitCode` is null where the shell ended, or started anew, before it. */
  'command.finished': define(z.object({ exitCode: z.int().nullable(), durationMs: z.number() }), 'participant'),

  'editor.opened': define(z.object({ tab: tabId, path, hash: sha256, version: z.int(), text: z.string() }), 'participant'),
  'editor.changed': define(
    z.object({
      tab: tabId,
      path,
      version: z.int(),
      changes: z.array(z.object({ offset: z.int(), length: z.int(), text: z.string() })).max(10_000),
    }),
    'participant',
  ),
  'editor.text': define(z.object({ tab: tabId, path, version: z.int(), text: z.string() }), 'participant'),
  'editor.selection': define(z.object({ tab: tabId, path, anchor: z.int(), active: z.int() }), 'participant'),
  'editor.closed': define(z.object({ tab: tabId, path }), 'participant'),
  /** From the runner: what is on disk now. */
  'editor.saved': define(z.object({ tab: z.string(), path, hash: sha256, size: z.int() }), 'participant'),

  'file.changed': define(
    z.object({
      op: z.enum(['created', 'changed', 'deleted', 'renamed']),
      path,
      to: path.optional(),
      size: z.number().optional(),
      hash: sha256.optional(),
    }),
    'participant',
  ),

  /** So many more paths changed at once than are told one by one; the next snapshot has them. */
  'file.omitted': define(z.object({ count: z.int() }), 'participant'),

  /** The participant took a file, or a folder as an archive, out of the sandbox, or brought one in. */
  'file.transferred': define(
    z.object({ tab: tabId, direction: z.enum(['download', 'upload']), path, size: z.number(), hash: sha256.optional() }),
    'participant',
  ),

  /**
   * The participant's setup was laid in a sandbox, before the clock, or again in one that was made anew. `hash` is of the setup;
   * `omitted` are files that the sandbox did not get.
   */
  'setup.applied': define(
    z.object({
      hash: sha256,
      keymap: z.string(),
      files: z.array(z.object({ path, size: z.int(), hash: sha256, text: z.string() })),
      omitted: z.array(z.object({ path, reason: z.string() })),
    }),
    'participant',
  ),

  /** The participant opened a page that a program of the sandbox serves on this port; `path` without its query. What is done there is not recorded. */
  'port.opened': define(z.object({ port: z.int(), path: z.string().max(4096) }), 'participant'),

  'snapshot.taken': define(
    z.object({
      cause: z.enum(['start', 'save', 'score', 'periodic', 'pause', 'end']),
      tree: z.string().regex(/^[0-9a-f]{40}$/),
      commit: z.string().regex(/^[0-9a-f]{40}$/),
      /** Blob in the object store that holds the new git objects as a bundle; absent when nothing changed. */
      bundle: sha256.optional(),
      /** The commit of the snapshot that the bundle builds on; null where it stands alone. Absent in older recordings: the snapshot before. */
      base: z
        .string()
        .regex(/^[0-9a-f]{40}$/)
        .nullable()
        .optional(),
      files: z.int(),
      bytes: z.number(),
      skipped: z.array(z.object({ path, reason: z.string(), size: z.number().optional(), hash: z.string().optional() })),
      /** How many paths were left out in all: `skipped` has the first. Absent in older recordings. */
      skippedCount: z.int().optional(),
    }),
  ),
  'submission.captured': define(
    z.object({
      scoreId: z.string(),
      hash: sha256,
      bytes: z.number(),
      files: z.int(),
      packages: z.array(z.string()),
      hashAfter: sha256.optional(),
    }),
  ),

  /**
   * A blob that other events may name, before or after this one, was not stored: it is larger than what is taken, or the host's disk
   * gave back other bytes than it was given. The host keeps what it has. Where one is stored after all, the recording says no more.
   */
  'blob.lost': define(z.object({ hash: sha256, bytes: z.number(), reason: z.enum(['too_large', 'damaged']) })),

  /** One into a terminal has no `hash`: what was pasted stands in `terminal.input`, where the terminal echoed it. Older recordings have it. */
  'clipboard.paste': define(
    z.object({ tab: tabId, target: z.string(), length: z.int(), hash: sha256.optional(), text: z.string().optional() }),
    'participant',
  ),
  'clipboard.copy': define(z.object({ tab: tabId, target: z.string(), length: z.int(), hash: sha256 }), 'participant'),

  'focus.page': define(z.object({ tab: tabId, visible: z.boolean(), focused: z.boolean() }), 'participant'),
  'focus.panel': define(z.object({ tab: tabId, panel: z.string().max(200) }), 'participant'),

  'score.requested': define(z.object({ scoreId: z.string(), n: z.int(), trigger: z.string(), elapsedMs: z.number() }), 'participant'),
  /** `score` is null where there is no valid number; `status` says why. The filter blanks what a hidden score must not show. */
  'score.finished': define(
    z.object({
      scoreId: z.string(),
      n: z.int(),
      trigger: z.string(),
      status: z.string(),
      score: z.number().nullable(),
      message: z.unknown(),
      durationMs: z.number(),
    }),
    'participant',
  ),
  /** The staff's half of a score: details, the scorer's output and traceback. */
  'score.details': define(
    z.object({
      scoreId: z.string(),
      details: z.unknown(),
      output: z.string(),
      scorerHash: z.string(),
      hashBefore: z.string(),
      hashAfter: z.string(),
    }),
  ),

  'clock.event': define(z.object({ n: z.int(), event: z.record(z.string(), z.unknown()) }), 'participant'),
  /** `kind` stands in older recordings, for what is `ai_use.noted` now. */
  'note.written': define(
    z.object({ n: z.int(), text: z.string().max(20_000), elapsedMs: z.number(), kind: z.enum(['ai_use']).optional() }),
    'participant',
  ),
  /** What the participant says of an AI tool that was used; numbered among the notes. */
  'ai_use.noted': define(z.object({ n: z.int(), text: z.string().max(20_000), elapsedMs: z.number() }), 'participant'),
  /** A problem that the participant reports to the staff; numbered among the messages. */
  'issue.reported': define(z.object({ n: z.int(), text: z.string().max(20_000) }), 'participant'),
  'message.sent': define(z.object({ from: z.string(), text: z.string().max(20_000) }), 'participant'),

  /** `viewer` is in recordings of when staff watched on a socket of their own. */
  'connection.attached': define(z.object({ tab: z.string(), role: z.enum(['participant', 'viewer', 'runner']) })),
  'connection.detached': define(z.object({ tab: z.string(), role: z.enum(['participant', 'viewer', 'runner']), code: z.int().optional() })),
  /** Follows `connection.attached` of one that was here before; `resentFrom` is the first of its own numbers that it sends (again). */
  'connection.resumed': define(z.object({ tab: z.string(), resentFrom: z.number().optional() })),
  'connection.latency': define(z.object({ tab: z.string(), roundTripMs: z.number() })),
  /** A stretch that a source says it can no longer supply. */
  'connection.gap': define(z.object({ source: z.string(), from: z.number(), to: z.number(), reason: z.string() })),

  /**
   * The participant sealed a stretch: what the screens showed and what was typed from `fromMs` to before `toMs`, in server time, is
   * withheld from whoever reads the recording, and taken out when it is finished.
   */
  'recording.sealed': define(
    z.object({ n: z.int(), fromMs: z.number(), toMs: z.number(), reason: z.string().max(SEAL_REASON_MAX) }),
    'participant',
  ),

  /** One call of a model through the proxy. Costs are dollars; what is left is the asker's budget. */
  'model.call': define(
    z.object({
      asker: z.enum(['participant', 'scorer']),
      model: z.string(),
      status: z.int(),
      promptTokens: z.int(),
      completionTokens: z.int(),
      costUsd: z.number(),
      leftUsd: z.number(),
      durationMs: z.number(),
      request: z.unknown(),
      response: z.unknown(),
    }),
  ),

  /**
   * An agent that does the attempt asked its own model, and has the answer. `n` counts these from 1. Cached tokens are among the
   * prompt's, and what a model thinks among the completion's; `costUsd` is null where the price is not known.
   */
  'agent.asked': define(
    z.object({
      n: z.int(),
      model: z.string(),
      promptTokens: z.int(),
      completionTokens: z.int(),
      costUsd: z.number().nullable(),
      durationMs: z.number(),
      request: z.unknown(),
      response: z.unknown(),
    }),
  ),
  /** It called a tool, as `agent.asked` number `n` has it. `call` names the call in the attempt. */
  'agent.called': define(z.object({ call: z.string(), n: z.int(), tool: z.string(), arguments: z.unknown() })),
  /** What that call gave back; `error` says why it gave nothing, or not all. */
  'agent.returned': define(z.object({ call: z.string(), durationMs: z.number(), result: z.unknown(), error: z.string().optional() })),

  'resource.sample': define(
    z.object({
      cpuMs: z.number().optional(),
      memoryBytes: z.number().optional(),
      memoryLimitBytes: z.number().optional(),
      diskBytes: z.number().optional(),
      diskFreeBytes: z.number().optional(),
      /** How many files the fuller disk may hold, and how many more; only where a file system counts them. */
      diskFiles: z.number().optional(),
      diskFreeFiles: z.number().optional(),
      processes: z.int().optional(),
      gpus: z.array(z.object({ index: z.int(), usePercent: z.number(), memoryBytes: z.number() })).optional(),
    }),
    'participant',
  ),
  /** Bytes since the sandbox was created, and the peers that it is connected to now; only from isolations that can tell. */
  'network.sample': define(
    z.object({
      receivedBytes: z.number(),
      sentBytes: z.number(),
      peers: z.array(z.object({ address: z.string(), port: z.int(), name: z.string().optional() })),
    }),
  ),
} as const satisfies Record<string, EventDefinition>;

export type EventType = keyof typeof EVENTS;
export type EventData<T extends EventType> = z.infer<(typeof EVENTS)[T]['schema']>;

/** An event before it has its place in the log. `atMs` is server time in milliseconds. */
export type EventInput = { [T in EventType]: { type: T; stream: number; atMs: number; data: EventData<T> } }[EventType];

/** An event in the log: gapless `seq` per attempt from 1, in order of arrival; `receivedAtMs` only where it differs from `atMs` by over 1 s. */
export type RecordedEvent = EventInput & { seq: number; receivedAtMs?: number };

/** Whether anything of such an event may reach the participant: the one reader of the declared audiences. */
export function isForParticipant(type: EventType): boolean {
  return EVENTS[type].audience === 'participant';
}

/** The channel of an event type: the part before the dot. */
export function channelOf(type: EventType): string {
  return type.slice(0, type.indexOf('.'));
}

/** Event types that a participant's browser may claim; everything else comes from the runner or the platform. */
export const BROWSER_EVENT_TYPES = [
  'editor.opened',
  'editor.changed',
  'editor.text',
  'editor.selection',
  'editor.closed',
  'clipboard.paste',
  'clipboard.copy',
  'focus.page',
  'focus.panel',
] as const satisfies readonly EventType[];
export type BrowserEventType = (typeof BROWSER_EVENT_TYPES)[number];

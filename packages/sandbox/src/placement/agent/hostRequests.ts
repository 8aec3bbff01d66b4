import { ERROR_CODES, type ErrorCode } from '@plumbline/core';
import { HostInventory, RunnerConfig } from '@plumbline/protocol';
import { Asset } from '@plumbline/taskstandard/settings';
import { z } from 'zod';

/**
 * What the platform asks a host's agent: one JSON line each way, over the agent's standard input and output. Both ends hold
 * to these schemas; what comes from a host is never believed before it has passed one.
 */

/** A path component on the host. */
const AttemptId = z.string().regex(/^[A-Za-z0-9_-]{1,64}$/);

export const StartArgs = RunnerConfig.omit({ stateDir: true, imageDir: true, assetsDir: true }).extend({
  attemptId: AttemptId,
  familyHash: z.string(),
  resources: z.object({
    gpuCount: z.int(),
    gpuModel: z.string().nullable(),
    cpus: z.number().nullable(),
    memoryBytes: z.number().nullable(),
    exclusive: z.boolean(),
    avoidNodes: z.array(z.string()).readonly(),
    maxDurationMs: z.number(),
  }),
});

/** The handle of the host's own local placement; only the host reads what is in it. */
export const FarHandle = z.looseObject({ placement: z.literal('local'), attemptId: AttemptId });
export type FarHandle = z.infer<typeof FarHandle>;

const Status = z.discriminatedUnion('state', [
  z.object({ state: z.literal('queued'), reason: z.string(), ahead: z.number().nullable() }),
  z.object({ state: z.literal('running') }),
  z.object({ state: z.literal('gone'), cause: z.string().max(2_000), folderKept: z.boolean() }),
]);

export const HOST_REQUESTS = {
  start: { args: StartArgs, result: FarHandle },
  status: { args: z.object({ handle: FarHandle }), result: Status },
  stop: { args: z.object({ handle: FarHandle }), result: z.object({}) },
  find: { args: z.object({ attemptId: AttemptId }), result: FarHandle.nullable() },
  list: { args: z.object({}), result: z.array(FarHandle).max(10_000) },
  remove: { args: z.object({ attemptId: AttemptId }), result: z.object({}) },
  /** The host's wall clock in milliseconds since the epoch. */
  clock: { args: z.object({}), result: z.object({ nowMs: z.number() }) },
  inspect: { args: RunnerConfig.pick({ isolation: true, docker: true }), result: HostInventory },
  /** Fetches data and keeps it for the runners to come. */
  warm: { args: z.object({ assets: z.array(Asset).max(10_000) }), result: z.object({}) },
  /** Whether a runner on this host can dial the gateway; the problem in words where it cannot. */
  dial: { args: z.object({ gatewayUrl: z.url() }), result: z.object({ problem: z.string().max(2_000).nullable() }) },
} as const;

export type HostRequestName = keyof typeof HOST_REQUESTS;
export type HostArgs<Name extends HostRequestName> = z.infer<(typeof HOST_REQUESTS)[Name]['args']>;
export type HostResult<Name extends HostRequestName> = z.infer<(typeof HOST_REQUESTS)[Name]['result']>;

export const HostRequest = z.object({
  id: z.int(),
  act: z.enum(Object.keys(HOST_REQUESTS) as [HostRequestName, ...HostRequestName[]]),
  args: z.unknown(),
});

export const HostAnswer = z.object({
  id: z.int(),
  result: z.unknown().optional(),
  error: z
    .object({
      code: z.enum(Object.keys(ERROR_CODES) as [ErrorCode, ...ErrorCode[]]),
      message: z.string(),
      /** For the platform's log. */
      detail: z.string(),
    })
    .optional(),
});

/** More than any honest request or answer takes. */
export const LINE_MAX_BYTES = 4 * 1024 * 1024;

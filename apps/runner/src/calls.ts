import { AppError, toAppError } from '@plumbline/core';
import { type GatewayToRunner, RUNNER_CALLS, type RunnerToGateway, SANDBOX_REQUESTS } from '@plumbline/protocol';
import type { Logger } from 'pino';
import type { z } from 'zod';

/** Calls of the gateway: checked against their schema, carried out, answered once. */

const CALLABLE = { ...SANDBOX_REQUESTS, ...RUNNER_CALLS } as const;
type Callable = typeof CALLABLE;

/** What carries out each call. */
export type CallHandlers = {
  [A in keyof Callable]: (args: z.infer<Callable[A]['args']>) => z.infer<Callable[A]['result']> | Promise<z.infer<Callable[A]['result']>>;
};

type Call = Extract<GatewayToRunner, { t: 'call' }>;
type Answer = Extract<RunnerToGateway, { t: 'answer' }>;

/** Carries out a call; what goes wrong is in the answer. `handlers` is null until the sandbox is ready. */
export async function answerCall(call: Call, handlers: CallHandlers | null, logger: Logger): Promise<Answer> {
  try {
    if (!Object.hasOwn(CALLABLE, call.act)) throw new AppError('invalid_input', `The sandbox knows no act named ${call.act.slice(0, 60)}.`);
    const act = call.act as keyof Callable;
    const args = CALLABLE[act].args.safeParse(call.args ?? {});
    if (!args.success) {
      const issue = args.error.issues[0];
      throw new AppError('invalid_input', `${act}: ${issue?.path.join('.') ?? ''} ${issue?.message ?? 'is not valid'}`.trim());
    }
    if (handlers === null) throw new AppError('sandbox_unavailable', 'The sandbox is still being prepared. Try again in a moment.');
    const handle = handlers[act] as (args: unknown) => unknown;
    return { t: 'answer', id: call.id, result: await handle(args.data) };
  } catch (error) {
    const { code, message, cause } = toAppError(error);
    if (code === 'internal') logger.error({ err: cause ?? error, act: call.act }, 'a call failed');
    return { t: 'answer', id: call.id, error: { code, message } };
  }
}

import type { Readable, Writable } from 'node:stream';
import { AppError, toAppError } from '@plumbline/core';
import { HOST_REQUESTS, type HostArgs, HostRequest, type HostRequestName, type HostResult, LINE_MAX_BYTES } from './hostRequests.ts';
import { lineSplitter } from './lines.ts';

export type HostActs = { readonly [Name in HostRequestName]: (args: HostArgs<Name>) => Promise<HostResult<Name>> };

/** Nobody asked for this long: the connection is gone, and the far end has not been told. */
const IDLE_MS = 10 * 60_000;

/** Answers requests, many at once, until the input ends or nobody asks any more. */
export function serveHost(acts: HostActs, input: Readable, output: Writable): Promise<void> {
  return new Promise((resolve) => {
    const idle = setTimeout(resolve, IDLE_MS);
    const answer = (id: number, body: object) => output.write(`${JSON.stringify({ id, ...body })}\n`);
    const take = async (line: string): Promise<void> => {
      idle.refresh();
      const { id, act, args } = HostRequest.parse(JSON.parse(line));
      try {
        answer(id, { result: await perform(acts, act, args) });
      } catch (error) {
        const { code, message, cause } = toAppError(error);
        answer(id, { error: { code, message, detail: String(cause ?? message).slice(0, 10_000) } });
      }
    };
    const end = () => {
      clearTimeout(idle);
      resolve();
    };
    input.on(
      'data',
      lineSplitter(LINE_MAX_BYTES, (line) => void take(line).catch(end), end),
    );
    for (const event of ['end', 'close', 'error']) input.once(event, end);
    output.once('error', end);
  });
}

function perform<Name extends HostRequestName>(acts: HostActs, act: Name, args: unknown): Promise<HostResult<Name>> {
  const parsed = HOST_REQUESTS[act].args.safeParse(args);
  // A request may hold a token: nothing of it is repeated.
  if (!parsed.success) throw new AppError('invalid_input', `The host was asked for ${act} in a way that it does not understand.`);
  return acts[act](parsed.data as HostArgs<Name>);
}

import type { RequestAct, RequestArgs, RequestResult } from '@plumbline/protocol';

/** Asks the gateway, or the sandbox behind it. Rejects with `AppError`. */
export type Ask = <A extends RequestAct>(act: A, args: RequestArgs<A>, timeoutMs?: number) => Promise<RequestResult<A>>;

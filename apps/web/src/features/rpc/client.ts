import type { AppRouter } from '@plumbline/api';
import { createTRPCClient, httpBatchLink } from '@trpc/client';
import superjson from 'superjson';

/** The procedures, called from a browser. The server's code stays on the server: only its types come along. */
export const rpc = createTRPCClient<AppRouter>({
  links: [httpBatchLink({ url: '/api/trpc', transformer: superjson })],
});

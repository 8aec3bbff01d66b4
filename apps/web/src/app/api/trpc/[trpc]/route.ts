import { appRouter } from '@plumbline/api';
import { fetchRequestHandler } from '@trpc/server/adapters/fetch';
import { errorResponse } from '@/features/platform/server/errorResponse.ts';
import { platformSettings } from '@/features/platform/server/platform.ts';
import { assertShort } from '@/features/platform/server/requestSize.ts';
import { apiContext } from '@/features/rpc/server/api.ts';
import { assertSameOrigin } from '@/features/session/server/sameOrigin.ts';

async function handle(request: Request): Promise<Response> {
  try {
    assertSameOrigin(request, platformSettings().publicUrl);
    assertShort(request);
  } catch (error) {
    return errorResponse(error);
  }
  return await fetchRequestHandler({
    endpoint: '/api/trpc',
    req: request,
    router: appRouter,
    createContext: apiContext,
    onError: ({ error, path }) => {
      if (error.code === 'INTERNAL_SERVER_ERROR') console.error(`${path ?? 'unknown procedure'}:`, error.cause ?? error);
    },
  });
}

export { handle as GET, handle as POST };

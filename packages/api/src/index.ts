export { type AppRouter, appRouter, createCaller } from './appRouter.ts';
export type { ApiContext, RecordedSoFar } from './context.ts';

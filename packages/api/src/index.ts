export { type AppRouter, appRouter, createCaller } from './appRouter.ts';
export type { ApiContext } from './context.ts';

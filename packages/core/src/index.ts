export * from './actor.ts';
export * from './attemptState.ts';
export * from './clock.ts';
export * from './errors.ts';

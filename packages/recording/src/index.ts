export * from './blob.ts';
export * from './codec.ts';
export * from './encryption.ts';
export * from './formatError.ts';
export * from './keys.ts';
export * from './manifest.ts';
export * from './recorder.ts';

export { bubblewrapIsolation } from './bubblewrap.ts';
export * from './isolation.ts';
export { noIsolation } from './none.ts';
export * from './placement.ts';
export * from './workspaceFiles.ts';

export * from './isolation.ts';
export * from './placement.ts';
export * from './workspaceFiles.ts';

export * from './assets/assetStore.ts';
export { bubblewrapIsolation } from './isolation/bubblewrap/bubblewrap.ts';
export * from './isolation/isolation.ts';
export { noIsolation } from './isolation/none.ts';
export { type LocalPlacementOptions, localPlacement } from './placement/local.ts';
export * from './placement/placement.ts';
export { type Installation, placementFor } from './placement/placementFor.ts';
export * from './workspace/workspaceFiles.ts';

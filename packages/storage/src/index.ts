export * from './diskRoom.ts';
export * from './durableFile.ts';
export * from './folderStore.ts';
export * from './objectStore.ts';

export * from './diskRoom.ts';
export * from './folderStore.ts';
export * from './objectStore.ts';

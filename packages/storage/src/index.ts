export * from './folderStore.ts';
export * from './objectStore.ts';

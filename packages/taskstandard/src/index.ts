export * from './bareHost.ts';
export * from './environmentCheck.ts';
export * from './family.ts';
export * from './manifest.ts';
export * from './scoring.ts';
export * from './settings.ts';
export * from './taskHost.ts';

export * from './embeddedDatabase.ts';
export * from './settings.ts';
export * from './systemClock.ts';

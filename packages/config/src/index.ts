export * from './embeddedDatabase.ts';
export * from './settings.ts';
export * from './strayErrors.ts';
export * from './systemClock.ts';

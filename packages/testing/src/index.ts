export * from './fakeClock.ts';
export * from './fixtures.ts';
export * from './freePort.ts';
export * from './strayErrors.ts';
export * from './temporaryFolder.ts';
export * from './testDatabase.ts';
export * from './timestampAuthority.ts';

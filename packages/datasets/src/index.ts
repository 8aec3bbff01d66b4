export * from './columns.ts';
export * from './exportArchive.ts';
export * from './exportAttempts.ts';
export * from './rows.ts';
export * from './verifyExport.ts';

export * from './browserLink.ts';
export * from './events.ts';
export * from './hosts.ts';
export * from './languageRequests.ts';
export * from './limits.ts';
export * from './requests.ts';
export * from './runnerLink.ts';
export * from './survey.ts';

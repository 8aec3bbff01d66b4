import { EnvironmentSettings } from '@plumbline/taskstandard/settings';

/** An environment's settings for tests of the repositories. */
export const SETTINGS: EnvironmentSettings = EnvironmentSettings.parse({
  title: 'Practice',
  startingScore: 1.56,
  referenceScore: 0.47,
  direction: 'lower',
  aggregation: 'best',
  scoreUnit: 'ln(ms)',
  whileScoring: { participant: 'continues', clock: 'runs' },
  submission: { paths: ['.'], maxGb: 1 },
  cleanRescores: 1,
  scoreTimeoutSeconds: 60,
  scoreVisible: true,
  review: [],
  resources: {},
  scoring: {},
});

import { exampleSettings } from '@plumbline/testing';

/** An environment's settings for tests of the repositories. */
export const SETTINGS = exampleSettings({ startingScore: 1.56, referenceScore: 0.47, direction: 'lower', scoreUnit: 'ln(ms)' });

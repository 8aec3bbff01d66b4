import type { RunnerConfig } from '@plumbline/protocol';
import { bubblewrapIsolation, type Isolation, noIsolation } from '@plumbline/sandbox';

/** What this runner can keep a participant in with. */
export const ISOLATIONS: Partial<Record<RunnerConfig['isolation'], Isolation>> = { none: noIsolation, bubblewrap: bubblewrapIsolation };

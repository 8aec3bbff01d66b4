import type { ContractCheck } from './contract.ts';
import { fileChecks } from './files.ts';
import { languageChecks } from './language.ts';
import { leftoverChecks } from './leftovers.ts';
import { lifeChecks } from './life.ts';
import { limitChecks } from './limits.ts';
import { snapshotChecks } from './snapshots.ts';
import { terminalChecks } from './terminals.ts';
import { viewChecks } from './views.ts';

/** Every promise that an isolation is held to. */
export const contractChecks: readonly ContractCheck[] = [
  ...lifeChecks,
  ...leftoverChecks,
  ...viewChecks,
  ...limitChecks,
  ...terminalChecks,
  ...fileChecks,
  ...snapshotChecks,
  ...languageChecks,
];

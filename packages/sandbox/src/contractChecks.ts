import type { ContractCheck } from './contract.ts';
import { fileChecks } from './contractFiles.ts';
import { lifeChecks } from './contractLife.ts';
import { terminalChecks } from './contractTerminals.ts';
import { viewChecks } from './contractViews.ts';

/** Every promise that an isolation is held to. */
export const contractChecks: readonly ContractCheck[] = [...lifeChecks, ...viewChecks, ...terminalChecks, ...fileChecks];

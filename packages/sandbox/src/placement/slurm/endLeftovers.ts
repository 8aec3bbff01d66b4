import { removeEmptyJobGroup } from '../../isolation/jobGroup.ts';
import { endAllLeftovers } from '../../isolation/sandboxState.ts';

/** Run by a job after its runner has ended, however it did: `node endLeftovers.ts STATE_DIR`. What of the sandbox still lives on the node is ended. */

const [, , stateDir] = process.argv;
if (stateDir === undefined) throw new Error('Usage: endLeftovers.ts STATE_DIR');
await endAllLeftovers(stateDir).finally(removeEmptyJobGroup);

/** `npm run bench -- NAME`: runs a benchmark on an installation of its own. The last line printed is its result as JSON. */
import { benchEcho } from './echo.ts';
import { benchFlood } from './flood.ts';
import { benchProvision } from './provision.ts';
import { benchReplay } from './replay.ts';
import { benchScore } from './score.ts';
import { benchSize } from './size.ts';
import { benchWorkspace } from './workspace.ts';

const BENCHES: Readonly<Record<string, () => Promise<Record<string, unknown>>>> = {
  echo: benchEcho,
  flood: benchFlood,
  provision: benchProvision,
  score: benchScore,
  size: benchSize,
  replay: benchReplay,
  workspace: benchWorkspace,
};

const name = process.argv[2] ?? '';
const bench = BENCHES[name];
if (bench === undefined) {
  console.error(`Usage: npm run bench -- ${Object.keys(BENCHES).join(' | ')}`);
  process.exit(2);
}
const result = await bench();
console.log(JSON.stringify(result));
// A slow machine is no failure; a byte that was shown or typed and is not recorded is, and so is what takes more room than it may.
process.exit(Array.isArray(result.faults) && result.faults.length === 0 ? 0 : 1);

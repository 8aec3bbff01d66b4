/**
 * Runs the contract, or holds one sandbox, in a process of its own: as another user, or to be killed.
 *
 *   child.ts run ISOLATION         prints one JSON line per promise: {name, outcome, error}
 *   child.ts once ISOLATION         makes a sandbox, uses every view, destroys it and removes its folders
 *   child.ts hold ISOLATION SPEC   makes a sandbox, writes a file, says so and waits
 *   child.ts pause ISOLATION SPEC  the same, and pauses it before it says so
 */
import { contractChecks } from './checks.ts';
import { type ContractChild, ContractWorld, isolationOf, shell } from './contract.ts';

const [mode, isolation = '', spec = ''] = process.argv.slice(2);
const child = JSON.parse(isolation) as ContractChild;

if (mode === 'run') {
  const world = await ContractWorld.open(child);
  for (const check of contractChecks) {
    const outcome = await world.run(check).then(
      (kept) => ({ name: check.name, outcome: kept }),
      (error: unknown) => ({
        name: check.name,
        outcome: 'broken',
        error: error instanceof Error ? `${error.stack}\n${String(error.cause ?? '')}` : String(error),
      }),
    );
    process.stdout.write(`${JSON.stringify(outcome)}\n`);
  }
  await world.close();
  process.exit(0);
}

if (mode === 'once') {
  const world = await ContractWorld.open(child);
  const script = 'mkdir -p made/inside && echo kept > made/inside/file && cat made/inside/file';
  const run = async () => {
    const once = await world.sandbox();
    for (const view of ['participant', 'scorer', 'platform'] as const) process.stdout.write((await shell(once, view, script)).stdout);
    await shell(once, 'scorer', 'mkdir /protected/made && touch /protected/made/file');
    await shell(once, 'platform', 'mkdir /store/made && touch /store/made/file');
  };
  await world.run({ name: mode, run });
  await world.close();
  process.stdout.write('removed\n');
  process.exit(0);
}

const sandbox = await isolationOf(child).create(JSON.parse(spec));
await shell(sandbox, 'participant', 'echo by a runner > held');
void sandbox.run('participant', ['sleep', '1000'], { timeoutMs: 1_000_000, maxOutputBytes: 1000 });
if (mode === 'pause') await sandbox.freeze();
process.stdout.write('held\n');

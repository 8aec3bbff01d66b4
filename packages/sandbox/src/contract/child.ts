/**
 * Runs the contract, or holds one sandbox, in a process of its own: as another user, or to be killed.
 *
 *   contractChild.ts run     prints one JSON line per promise: {name, outcome, error}
 *   contractChild.ts hold SPEC   makes a bubblewrap sandbox, writes a file, says so and waits
 */
import { bubblewrapIsolation } from '../isolation/bubblewrap/bubblewrap.ts';
import { contractChecks } from './checks.ts';
import { ContractWorld, shell } from './contract.ts';

const [mode, spec] = process.argv.slice(2);

if (mode === 'hold') {
  const sandbox = await bubblewrapIsolation.create(JSON.parse(spec ?? ''));
  await shell(sandbox, 'participant', 'echo by a runner > held');
  process.stdout.write('held\n');
  void sandbox.run('participant', ['sleep', '1000'], { timeoutMs: 1_000_000, maxOutputBytes: 1000 });
} else {
  const world = await ContractWorld.open(bubblewrapIsolation);
  const names = spec === undefined ? null : new Set<string>(JSON.parse(spec));
  for (const check of contractChecks) {
    if (names && !names.has(check.name)) continue;
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

import { join } from 'node:path';
import { expectToEndAtStrayErrors } from '@plumbline/testing';
import { it } from 'vitest';

it('a gateway with an error that nobody caught says so in its log, and ends, so that it is started again', async () => {
  await expectToEndAtStrayErrors(join(import.meta.dirname, 'main.ts'), { name: 'gateway', ready: 'gateway listens' });
});

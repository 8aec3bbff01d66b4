/** `npm run db:generate`: the Prisma client from the schema. */
import { join } from 'node:path';
import { generateClient } from './supervisor/generateClient.ts';

const generated = await generateClient(join(import.meta.dirname, '..'));
console.log(generated ? 'Generated packages/database/generated.' : 'The generated client is up to date.');

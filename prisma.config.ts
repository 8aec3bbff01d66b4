// Where Prisma's own command line finds the schema and its migrations. The product never calls `prisma migrate`:
// packages/database/src/migrate.ts applies the same files with the WebAssembly engine and keeps the same table.
import { defineConfig } from 'prisma/config';

export default defineConfig({
  schema: 'prisma/schema.prisma',
  migrations: { path: 'prisma/migrations' },
});

/**
 * Prisma's schema engine in WebAssembly. Its native twin is a download from a host that closed networks do not reach;
 * this one came with the package and speaks to PostgreSQL through the same adapter as everything else.
 */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { PrismaPg } from '@prisma/adapter-pg';
import { bindMigrationAwareSqlAdapterFactory, ColumnTypeEnum, type SqlQueryable } from '@prisma/driver-adapter-utils';
import type { MigrationList, SchemaEngine } from '@prisma/schema-engine-wasm';
import pg from 'pg';

export type { MigrationList, SchemaEngine };

/** Everything in the schema is ours: nothing is left out of a comparison. */
export const NO_FILTER = { externalTables: [], externalEnums: [] };

type Bindings = typeof import('@prisma/schema-engine-wasm/schema_engine_bg') & { __wbg_set_wasm(exports: WebAssembly.Exports): void };

/** The engine limits its wait for a lock by a timer that it never clears: it must not hold up the end of a process by ten seconds. */
function withoutWaiting(bindings: Bindings): WebAssembly.ModuleImports {
  const entries = Object.entries(bindings as unknown as WebAssembly.ModuleImports).map(([name, value]) => {
    if (!name.startsWith('__wbg_setTimeout') || typeof value !== 'function') return [name, value];
    return [name, (...args: unknown[]) => (value(...args) as NodeJS.Timeout).unref()];
  });
  return Object.fromEntries(entries);
}

let loading: Promise<Bindings> | undefined;

async function load(): Promise<Bindings> {
  // The engine says here why it panicked, just before it throws.
  Object.assign(globalThis, { PRISMA_WASM_PANIC_REGISTRY: { set_message: (message: string) => console.error(message) } });
  const bindings = (await import('@prisma/schema-engine-wasm/schema_engine_bg')) as Bindings;
  const entry = createRequire(import.meta.url).resolve('@prisma/schema-engine-wasm/schema_engine_bg');
  const bytes = await readFile(join(dirname(entry), 'schema_engine_bg.wasm'));
  const { instance } = await WebAssembly.instantiate(bytes, { './schema_engine_bg.js': withoutWaiting(bindings) });
  bindings.__wbg_set_wasm(instance.exports);
  (instance.exports.__wbindgen_start as () => void)();
  return bindings;
}

/** PostgreSQL's one-byte "char", which the catalogue uses, the engine asks for and the adapter refuses. It is read as text. */
const CHAR_TYPE = 18;
const TEXT_TYPE = 25;

/** For the rows of a query: which columns were "char", to give them their type back. */
const charColumns = new WeakMap<object, number[]>();

function readCharsAsText(answer: any): unknown {
  const fields: pg.FieldDef[] = answer?.fields ?? [];
  const found = fields.flatMap((field, index) => (field.dataTypeID === CHAR_TYPE ? [index] : []));
  for (const index of found) (fields[index] as pg.FieldDef).dataTypeID = TEXT_TYPE;
  if (found.length > 0) charColumns.set(answer.rows, found);
  return answer;
}

class CatalogueClient extends pg.Client {
  // The pool passes a callback last; a transaction awaits the promise.
  override query(...args: unknown[]): any {
    const passed = args.map((arg) =>
      typeof arg === 'function' ? (error: unknown, answer: unknown) => arg(error, readCharsAsText(answer)) : arg,
    );
    const result = (super.query as (...all: unknown[]) => any).apply(this, passed);
    return typeof result?.then === 'function' ? result.then(readCharsAsText) : result;
  }
}

class CatalogueAdapterFactory extends PrismaPg {
  override async connect() {
    return withCharColumns(await super.connect());
  }
  override async connectToShadowDb() {
    return withCharColumns(await super.connectToShadowDb());
  }
}

function withCharColumns<Adapter extends Pick<SqlQueryable, 'queryRaw'>>(adapter: Adapter): Adapter {
  const queryRaw = adapter.queryRaw.bind(adapter);
  adapter.queryRaw = async (query) => {
    const result = await queryRaw(query);
    for (const index of charColumns.get(result.rows) ?? []) result.columnTypes[index] = ColumnTypeEnum.Character;
    return result;
  };
  return adapter;
}

/** Gives an engine on a database to `use`, and closes its connections afterwards. */
export async function withSchemaEngine<Result>(url: string, use: (engine: SchemaEngine) => Promise<Result>): Promise<Result> {
  loading ??= load();
  const { SchemaEngine: Engine } = await loading;
  const pool = new pg.Pool({ connectionString: url, Client: CatalogueClient });
  const adapter = bindMigrationAwareSqlAdapterFactory(new CatalogueAdapterFactory(pool));
  const engine = await Engine.new({ datamodels: undefined }, () => {}, adapter);
  try {
    return await use(engine);
  } finally {
    engine.free();
    await pool.end();
  }
}

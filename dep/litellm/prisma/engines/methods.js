// What Prisma's command line asks of a schema engine, by the names of its JSON-RPC.
import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import * as glue from '@prisma/schema-engine-wasm/schema_engine_bg';
import { bindMigrationAwareSqlAdapterFactory, mockMigrationAwareAdapterFactory } from '@prisma/driver-adapter-utils';
import { AdapterFactory } from './connection.js';
import { take } from './errors.js';
import { failedMigration, migrationsIn } from './migrations.js';
import { databaseUrl } from './schema.js';
import { load } from './wasm.js';

const filters = { externalTables: [], externalEnums: [] };
const NOWHERE = 'datasource db {\n  provider = "postgresql"\n  url = "postgresql://unused"\n}\n';
let loaded;

const schemaFile = (path, content = readFileSync(path, 'utf8')) => ({ files: [{ path, content }] });

/**
 * Calls `action` with an engine, and with the factory of its connections.
 *
 * @param {string | undefined} url of the database; without it there is none, which is enough to compare two files
 * @param {object} [datamodel] the schema, where the engine needs it
 */
async function withEngine(url, datamodel, action) {
  await (loaded ??= load('schema_engine', glue));
  // One connection: the engine holds an advisory lock, which belongs to it.
  const factory = url ? new AdapterFactory(url, { limit: 1 }) : mockMigrationAwareAdapterFactory('postgres');
  const bound = bindMigrationAwareSqlAdapterFactory(factory);
  const options = { datamodels: datamodel?.files.map(({ path, content }) => [path, content]) };
  let engine;
  try {
    engine = await glue.SchemaEngine.new(options, (line) => process.stderr.write(`${line}\n`), bound);
    return await action(engine, factory);
  } catch (error) {
    const [, id] = /^External error id#(\d+)/.exec(error.message) ?? [];
    throw (id && take(bound.errorRegistry, Number(id))) ?? error;
  } finally {
    engine?.free();
  }
}

function target(side) {
  switch (side.tag) {
    case 'schemaDatamodel':
      return { tag: side.tag, ...schemaFile(side.schema) };
    case 'schemaDatasource':
      return { tag: side.tag, configDir: dirname(side.schema), ...schemaFile(side.schema) };
    case 'migrations':
      return { tag: side.tag, ...migrationsIn(side.path) };
    case 'url': // the engine knows it no more; the adapter has the connection, so any schema with a datasource will do
      return { tag: 'schemaDatasource', configDir: '.', ...schemaFile('schema.prisma', NOWHERE) };
    default:
      return side;
  }
}

/** The address that a comparison needs; of files alone it needs none. */
function urlOf(sides) {
  const live = sides.find(({ tag }) => ['url', 'schemaDatasource', 'migrations'].includes(tag));
  if (live?.tag === 'url') return live.url;
  return live && databaseUrl();
}

/**
 * The methods.
 *
 * @param {string} schema the path of the schema, `--datamodel` of the command line
 * @param {(text: string) => Promise<void>} print shows a text to the user
 */
export function methods(schema, print) {
  const own = (action) => withEngine(databaseUrl(), schemaFile(schema), action);
  return {
    listMigrationDirectories: ({ migrationsDirectoryPath }) => ({
      migrations: migrationsIn(migrationsDirectoryPath).migrationDirectories.map(({ path }) => path),
    }),
    applyMigrations: ({ migrationsDirectoryPath }) =>
      own(async (engine, factory) => {
        const migrationsList = migrationsIn(migrationsDirectoryPath);
        try {
          return await engine.applyMigrations({ migrationsList, filters });
        } catch (error) {
          throw failedMigration(migrationsList, factory.failed) ?? error;
        }
      }),
    diagnoseMigrationHistory: ({ migrationsDirectoryPath, optInToShadowDatabase }) =>
      own((engine) =>
        engine.diagnoseMigrationHistory({
          migrationsList: migrationsIn(migrationsDirectoryPath),
          optInToShadowDatabase,
          filters,
        }),
      ),
    markMigrationApplied: ({ migrationsDirectoryPath, migrationName }) =>
      own((engine) => engine.markMigrationApplied({ migrationName, migrationsList: migrationsIn(migrationsDirectoryPath) })),
    markMigrationRolledBack: ({ migrationName }) => own((engine) => engine.markMigrationRolledBack({ migrationName })),
    schemaPush: ({ force, schema: content }) =>
      own((engine) => engine.schemaPush({ force: Boolean(force), schema: schemaFile(schema, content), filters })),
    getDatabaseVersion: () => own((engine) => engine.version()),
    async dbExecute({ datasourceType, script }) {
      const url = datasourceType.tag === 'url' ? datasourceType.url : databaseUrl();
      await withEngine(url, undefined, (engine) => engine.dbExecute({ script, datasourceType: { tag: 'url', url } }));
    },
    async diff({ from, to, script, exitCode }) {
      const comparison = { from: target(from), to: target(to), shadowDatabaseUrl: null, script, exitCode: exitCode ?? null, filters };
      const found = await withEngine(urlOf([from, to]), undefined, (engine) => engine.diff(comparison));
      if (found.stdout) await print(found.stdout);
      return { exitCode: found.exitCode };
    },
  };
}

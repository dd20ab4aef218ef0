// Folders of migrations, as Prisma's schema engine wants to be told of them, and what is said when one fails.
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

function read(path) {
  try {
    return { tag: 'ok', value: readFileSync(path, 'utf8') };
  } catch (error) {
    return { tag: 'error', value: error.message };
  }
}

function directories(folder) {
  try {
    return readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory()).map(({ name }) => name).sort();
  } catch (error) {
    if (error.code === 'ENOENT') return [];
    throw error;
  }
}

/** All migrations below a folder, with their contents. @param {string} baseDir */
export function migrationsIn(baseDir) {
  const lock = read(join(baseDir, 'migration_lock.toml'));
  return {
    baseDir,
    lockfile: { path: 'migration_lock.toml', content: lock.tag === 'ok' ? lock.value : null },
    shadowDbInitScript: '',
    migrationDirectories: directories(baseDir).map((path) => ({
      path,
      migrationFile: { path: 'migration.sql', content: read(join(baseDir, path, 'migration.sql')) },
    })),
  };
}

/**
 * The error P3018 of a migration, in the native engine's words: LiteLLM reads name and code out of them. The
 * WebAssembly engine tells the database's text alone.
 *
 * @param {ReturnType<typeof migrationsIn>} list
 * @param {{script: string, error: Error & Record<string, string>}} [failed] the script that the database refused
 * @returns {Error | undefined} nothing, if no migration has failed
 */
export function failedMigration(list, failed) {
  const migration = failed && list.migrationDirectories.find(({ migrationFile }) => migrationFile.content.value === failed.script);
  if (!migration) return undefined;
  const { code = 'N/A', severity = 'ERROR', message, detail, hint, position } = failed.error;
  const said = [`${severity}: ${message}`, detail && `DETAIL: ${detail}`, hint && `HINT: ${hint}`].filter(Boolean);
  if (position) said.push('', `Position: line ${failed.script.slice(0, Number(position)).split('\n').length}`);
  const error = new Error(
    'A migration failed to apply. New migrations cannot be applied before the error is recovered from. ' +
      'Read more about how to resolve migration issues in a production database: https://pris.ly/d/migrate-resolve\n\n' +
      `Migration name: ${migration.path}\n\nDatabase error code: ${code}\n\nDatabase error:\n${said.join('\n')}\n`,
  );
  return Object.assign(error, { code: 'P3018' });
}

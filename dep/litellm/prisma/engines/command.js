// The schema engine's own command line: `cli --datasource URL can-connect-to-database | create-database | drop-database`.
import pg from 'pg';
import { poolConfig } from './connection.js';

const quoted = (name) => pg.escapeIdentifier(name);

const STATEMENTS = {
  'can-connect-to-database': undefined,
  'create-database': (database) => `CREATE DATABASE ${quoted(database)}`,
  'drop-database': (database) => `DROP DATABASE ${quoted(database)}`,
};

function known(error, { host, port, user, database }) {
  const where = `\`${host}\`:\`${port}\``;
  if (error.code === '3D000') return ['P1003', `Database \`${database}\` does not exist on the database server at ${where}.`];
  if (error.code === '28P01' || error.code === '28000') {
    return [
      'P1000',
      `Authentication failed against database server at \`${host}\`, the provided database credentials for \`${user}\` are not valid.\n\n` +
        `Please make sure to provide valid database credentials for the database server at \`${host}\`.`,
    ];
  }
  if (error.syscall) return ['P1001', `Can't reach database server at ${where}\n\nPlease make sure your database server is running at ${where}.`];
  return ['P1010', error.message];
}

/** @param {string} url @param {string} command @returns {Promise<number>} the exit code */
export async function run(url, command) {
  process.stderr.write('\n'); // Prisma's command line drops the first line
  const { Client, ...config } = poolConfig(url);
  try {
    if (!Object.hasOwn(STATEMENTS, command)) throw new Error(`no such command: ${command}`);
    const statement = STATEMENTS[command]?.(config.database);
    const client = new Client(statement ? { ...config, database: 'postgres' } : config);
    await client.connect();
    if (statement) await client.query(statement);
    await client.end();
    return 0;
  } catch (error) {
    const [error_code, message] = known(error, config);
    const fields = { message, error_code, is_panic: false };
    const line = { timestamp: new Date().toISOString(), level: 'ERROR', fields, target: 'schema_engine::logger' };
    process.stderr.write(`${JSON.stringify(line)}\n`);
    return 1;
  }
}

// The way to PostgreSQL: Prisma's connection URL, understood by the driver `pg`, below Prisma's own adapter for it.
import { readFileSync } from 'node:fs';
import pg from 'pg';
import { PrismaPg } from '@prisma/adapter-pg';

const CONNECT_TIMEOUT = 5; // seconds, as Prisma has them
const POOL_TIMEOUT = 10;
const IDLE_LIFETIME = 300;

/** @param {URLSearchParams} parameters */
function tls(parameters) {
  const mode = parameters.get('sslmode');
  if (!['require', 'verify-ca', 'verify-full'].includes(mode)) return undefined;
  const accept = parameters.get('sslaccept');
  const root = parameters.get('sslcert') ?? parameters.get('sslrootcert');
  return {
    rejectUnauthorized: accept === 'strict' || (mode !== 'require' && accept !== 'accept_invalid_certs'),
    ...(root && { ca: readFileSync(root) }),
  };
}

/**
 * Prisma's connection URL as the configuration of a pool of `pg`, which knows none of Prisma's parameters.
 *
 * @param {string} url
 * @param {number} [limit] the size of the pool; without it the URL's `connection_limit`, or 10
 */
export function poolConfig(url, limit) {
  const address = new URL(url);
  const parameters = address.searchParams;
  const seconds = (name, otherwise) => 1000 * Number(parameters.get(name) ?? otherwise);
  // The adapter takes each timestamp for UTC.
  const options = ['-c TimeZone=UTC', parameters.get('options')].filter(Boolean);
  // `pg` has one limit for both: waiting for a free connection, and making one. A database that is cut off is
  // noticed after the latter.
  class Client extends pg.Client {
    constructor(config) {
      const { password } = config; // the pool hides it from `...`
      super({ ...config, password, connectionTimeoutMillis: seconds('connect_timeout', CONNECT_TIMEOUT) });
    }
  }
  return {
    Client,
    host: parameters.get('host') ?? decodeURIComponent(address.hostname),
    port: Number(address.port || 5432),
    user: decodeURIComponent(address.username),
    password: decodeURIComponent(address.password),
    database: decodeURIComponent(address.pathname.slice(1)) || 'postgres',
    application_name: parameters.get('application_name') ?? 'litellm',
    options: options.join(' '),
    max: limit ?? Number(parameters.get('connection_limit') ?? 10),
    connectionTimeoutMillis: seconds('pool_timeout', POOL_TIMEOUT),
    idleTimeoutMillis: seconds('max_idle_connection_lifetime', IDLE_LIFETIME),
    keepAlive: true,
    ssl: tls(parameters),
  };
}

/** The schema that a URL names. @param {string} url */
export const schemaName = (url) => new URL(url).searchParams.get('schema') ?? 'public';

const [TEXT, NAME_ARRAY, TEXT_ARRAY, FIRST_USER_OID] = [25, 1003, 1009, 16384];
const [POINT, CIRCLE, POINT_ARRAY, INTERVAL, INTERVAL_ARRAY] = [600, 718, 1017, 1186, 1187];
// The types that the adapter knows; at any other of PostgreSQL's own it ends the query with an error.
const ADAPTERS_OWN = new Set([
  16, 17, 20, 21, 23, 25, 26, 114, 142, 143, 199, 650, 651, 700, 701, 790, 791, 869, 1000, 1001, 1002, 1005, 1007,
  1009, 1014, 1015, 1016, 1021, 1022, 1028, 1041, 1042, 1043, 1082, 1083, 1114, 1115, 1182, 1183, 1184, 1185, 1231,
  1266, 1560, 1561, 1562, 1563, 1700, 2950, 2951, 3802, 3807,
]);

function asKnownType(field) {
  const type = field.dataTypeID;
  if (type === NAME_ARRAY) field.dataTypeID = TEXT_ARRAY;
  else if (type < FIRST_USER_OID && !ADAPTERS_OWN.has(type)) field.dataTypeID = TEXT;
}

/** Lets columns of every type through, as text where the adapter has nothing better: name, interval, regclass, void. */
function widen(adapter) {
  const queryable = Object.getPrototypeOf(Object.getPrototypeOf(adapter)); // the base of adapter and transaction
  if (Object.hasOwn(queryable, 'widened')) return;
  queryable.widened = true;
  const { performIO } = queryable;
  queryable.performIO = async function (query) {
    const result = await performIO.call(this, query);
    result.fields?.forEach(asKnownType);
    return result;
  };
  pg.types.setTypeParser(NAME_ARRAY, pg.types.getTypeParser(TEXT_ARRAY));
  for (const type of [POINT, CIRCLE, POINT_ARRAY, INTERVAL, INTERVAL_ARRAY]) pg.types.setTypeParser(type, String);
}

/** Prisma's adapter for `pg`, with scripts in one go and with every column type. */
export class AdapterFactory extends PrismaPg {
  /** The script that failed last, and the database's error; for a message that names the migration. */
  failed;

  /**
   * @param {string} url
   * @param {{limit?: number, onError?: (error: Error) => void}} [options] `onError` hears of connections that break
   *   while nobody uses them
   */
  constructor(url, { limit, onError } = {}) {
    super(poolConfig(url, limit), { schema: schemaName(url), onPoolError: onError, onConnectionError: onError });
  }

  async connect() {
    return this.#prepared(await super.connect());
  }

  async connectToShadowDb() {
    return this.#prepared(await super.connectToShadowDb());
  }

  #prepared(adapter) {
    widen(adapter);
    // The adapter's own splits at each ';', also inside of $$ … $$. Without values the whole script is one message.
    adapter.executeScript = async (script) => {
      try {
        await adapter.underlyingDriver().query(script);
      } catch (error) {
        this.failed = { script, error };
        adapter.onError(error);
      }
    };
    return adapter;
  }
}

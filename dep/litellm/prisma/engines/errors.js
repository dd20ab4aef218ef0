// Errors, under the codes that the native engine gives them: LiteLLM decides by these whether to connect again.

/** An error as the client reads it. */
export const answer = (error) => ({ errors: [{ error: error.message, user_facing_error: error }] });

const userFacing = (error_code, message, meta = {}) => ({ is_panic: false, message, meta, error_code });

/** @param {unknown} error anything that was thrown: what the client sent cannot be understood, or worse */
export const unexpected = (error) => ({
  errors: [{ error: String(error?.stack ?? error), user_facing_error: { is_panic: false, message: String(error?.message ?? error), meta: {} } }],
});

export const noTransactionInTime = () => {
  const message = 'Transaction API error: Unable to start a transaction in the given time.';
  return answer(userFacing('P2028', message, { error: message }));
};

function unreachable({ host, port }) {
  const where = `\`${host}\`:\`${port}\``;
  const message = `Can't reach database server at ${where}\n\nPlease make sure your database server is running at ${where}.`;
  return userFacing('P1001', message, { database_host: host, database_port: port });
}

function poolExhausted({ max, connectionTimeoutMillis }) {
  const timeout = connectionTimeoutMillis / 1000;
  const message =
    'Timed out fetching a new connection from the connection pool. More info: http://pris.ly/d/connection-pool ' +
    `(Current connection pool timeout: ${timeout}, connection limit: ${max})`;
  return userFacing('P2024', message, { connection_limit: max, timeout });
}

const closed = () => userFacing('P1017', 'Server has closed the connection.');

/**
 * Takes an error that is the driver's and not the database's out of the adapter's registry, which never forgets one.
 *
 * @param {object} registry
 * @param {number | undefined} id what stands for it in an error of the engine
 */
export function take(registry, id) {
  const error = registry.consumeError(id)?.error;
  if (id !== undefined) registry.registeredErrors[id] = undefined;
  return error;
}

/**
 * An error of the WebAssembly engine as the native one words it.
 *
 * @param {object} error a user-facing error of Prisma's
 * @param {{registry: object, pool: object}} context the adapter's registry of errors, and the pool's configuration
 */
export function native(error, { registry, pool }) {
  if (error.error_code === 'P2010' && error.meta?.message?.startsWith('Database not reachable')) return unreachable(pool);
  if (error.error_code !== 'P2036') return error;
  const cause = take(registry, error.meta?.id);
  const text = String(cause?.message ?? cause ?? error.message);
  if (/timeout exceeded when trying to connect/.test(text)) return poolExhausted(pool); // the pool's words
  if (/timeout expired|connection timeout|EHOSTUNREACH|ENETUNREACH|EAI_AGAIN/.test(text)) return unreachable(pool);
  if (/Connection terminated|not queryable|connection is closed/i.test(text)) return closed();
  return { ...error, message: text };
}

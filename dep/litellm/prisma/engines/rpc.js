// The schema engine's interface: JSON-RPC, one message a line, requests on standard input, one after the other.
import { createInterface } from 'node:readline';
import { methods } from './methods.js';

const USER_FACING = 4466; // the code of errors that are told to the user

/** The engine throws errors whose text may be the JSON of a user-facing one. */
function rpcError(error) {
  let found;
  try {
    found = JSON.parse(error.message);
  } catch {
    found = { message: String(error?.message ?? error) };
  }
  const error_code = found.error_code ?? error.code;
  const data = { is_panic: false, message: found.message, meta: found.meta ?? null, ...(error_code && { error_code }) };
  return { code: USER_FACING, message: 'An error happened. Check the data field for details.', data };
}

/** Serves until standard input ends. @param {string} schema the path of the schema */
export async function serve(schema) {
  const send = (message) => process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
  const unanswered = new Map();
  function print(content) {
    const id = `print-${unanswered.size}`;
    send({ id, method: 'print', params: { content } });
    return new Promise((resolve) => unanswered.set(id, resolve));
  }

  const offered = methods(schema, print);
  async function answer({ id, method, params = {} }) {
    try {
      if (!Object.hasOwn(offered, method)) throw new Error(`The method ${method} is not supported.`);
      send({ id, result: (await offered[method](params)) ?? null });
    } catch (error) {
      send({ id, error: rpcError(error) });
    }
  }

  let last = Promise.resolve();
  for await (const line of createInterface({ input: process.stdin })) {
    const message = JSON.parse(line);
    if (message.method) last = last.then(() => answer(message));
    else unanswered.get(message.id)?.();
  }
  await last;
  process.exit(0); // connections of the pool would keep it
}

// The query engine: what the native one does with a request, done by Prisma's WebAssembly build over `pg`.
import * as glue from '@prisma/query-engine-wasm/postgresql/query_engine_bg.js';
import { bindAdapter } from '@prisma/driver-adapter-utils';
import { AdapterFactory } from './connection.js';
import { answer, native, noTransactionInTime } from './errors.js';
import { request } from './graphql.js';
import { response } from './results.js';
import { load } from './wasm.js';

const NO_TRACE = '{}';
const MAX_WAIT = 2000; // milliseconds, as Prisma has them

export class Engine {
  #engine;
  #context;
  #requests = 0;

  /**
   * Starts an engine. Connections to the database are made when they are needed, so it may be down meanwhile.
   *
   * @param {{datamodel: string, url: string, log: (level: string, message: string) => void}} options `datamodel` is
   *   the text of a Prisma schema
   */
  static async start({ datamodel, url, log }) {
    await load('query_engine', glue);
    const factory = new AdapterFactory(url, { onError: (error) => log('ERROR', error.message) });
    const adapter = bindAdapter(await factory.connect());
    const options = { datamodel, logLevel: 'error', logQueries: false, enableTracing: false };
    const engine = new Engine();
    engine.#engine = new glue.QueryEngine(options, (line) => process.stderr.write(`${line}\n`), adapter);
    engine.#context = { registry: adapter.errorRegistry, pool: factory.config };
    await engine.#engine.connect(NO_TRACE, engine.#id());
    return engine;
  }

  /** The engine takes decimal numbers only. */
  #id() {
    return String(++this.#requests);
  }

  /** Translates the errors in an answer of the engine. */
  #native(found) {
    for (const error of found.errors ?? []) {
      if (!error.user_facing_error) continue;
      error.user_facing_error = native(error.user_facing_error, this.#context);
      error.error = error.user_facing_error.message;
    }
    return found;
  }

  async #ask(question, transaction) {
    return this.#native(JSON.parse(await this.#engine.query(JSON.stringify(question), NO_TRACE, transaction, this.#id())));
  }

  /**
   * Answers one query or one batch of the client.
   *
   * @param {{query: string} | {batch: {query: string}[], transaction: boolean}} asked
   * @param {string} [transaction] the id of the transaction that it belongs to
   */
  async query(asked, transaction) {
    if (!asked.batch) {
      const one = request(asked.query);
      return response(await this.#ask(one.query, transaction), one);
    }
    const all = asked.batch.map(({ query }) => request(query));
    const found = await this.#ask(
      { batch: all.map(({ query }) => query), ...(asked.transaction && { transaction: { isolationLevel: null } }) },
      transaction,
    );
    return found.errors ? found : { batchResult: found.batchResult.map((one, i) => response(one, all[i])) };
  }

  /** Of a transaction the engine tells an id, nothing, or a bare user-facing error. */
  #settled(text) {
    const found = JSON.parse(text || '{}') ?? {};
    return found.error_code ? answer(native(found, this.#context)) : found;
  }

  /**
   * Starts a transaction. To keep `max_wait` is left to this program: the engine waits as long as the pool does.
   *
   * @param {string} body JSON: `{"timeout": MILLISECONDS, "max_wait": MILLISECONDS}`
   * @returns {Promise<{id: string} | {errors: object[]}>}
   */
  async startTransaction(body) {
    const starting = this.#engine.startTransaction(body, NO_TRACE, this.#id()).then((text) => this.#settled(text));
    let timer;
    const late = new Promise((resolve) => {
      timer = setTimeout(resolve, JSON.parse(body).max_wait ?? MAX_WAIT);
    });
    const found = await Promise.race([starting, late]).finally(() => clearTimeout(timer));
    if (found) return found;
    starting.then(({ id }) => id && this.endTransaction(id, 'rollback')).catch(() => {});
    return noTransactionInTime();
  }

  /** @param {string} id @param {'commit' | 'rollback'} how */
  async endTransaction(id, how) {
    const call = how === 'commit' ? 'commitTransaction' : 'rollbackTransaction';
    return this.#settled(await this.#engine[call](id, NO_TRACE, this.#id()));
  }
}

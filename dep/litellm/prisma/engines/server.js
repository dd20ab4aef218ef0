// The query engine's interface: HTTP on loopback, for the one process that has started it.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { Engine } from './engine.js';
import { unexpected } from './errors.js';
import { databaseUrl } from './schema.js';

const log = (level, message) =>
  process.stderr.write(`${JSON.stringify({ timestamp: new Date().toISOString(), level, fields: { message }, target: 'query_engine' })}\n`);
const failed = (error) => log('ERROR', String(error?.stack ?? error));

async function route(engine, { url, headers }, body) {
  const { pathname } = new URL(url, 'http://localhost');
  if (pathname === '/status') return { status: 'ok' };
  if (pathname === '/metrics') return { counters: [], gauges: [], histograms: [] };
  if (pathname === '/transaction/start') return engine.startTransaction(body);
  const [, id, how] = /^\/transaction\/([^/]+)\/(commit|rollback)$/.exec(pathname) ?? [];
  return id ? engine.endTransaction(id, how) : engine.query(JSON.parse(body), headers['x-transaction-id']);
}

async function bodyOf(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}

/** Serves until it is told to end. @param {number} port of loopback */
export function serve(port) {
  const datamodel = readFileSync(process.env.PRISMA_DML_PATH, 'utf8');
  const ready = Engine.start({ datamodel, url: databaseUrl(), log });
  ready.catch((error) => {
    failed(error);
    process.exit(1);
  });
  const server = createServer(async (request, reply) => {
    let found;
    try {
      found = await route(await ready, request, await bodyOf(request));
    } catch (error) {
      failed(error);
      found = unexpected(error);
    }
    // 200 also with errors: the client reads them from the body.
    const body = Buffer.from(JSON.stringify(found));
    reply.writeHead(200, { 'content-type': 'application/json', 'content-length': body.length }).end(body);
  });
  server.keepAliveTimeout = 0; // the client keeps a connection for 5 s: to close it after the same time is a race
  server.requestTimeout = 0;
  server.listen(port, '127.0.0.1');
  process.on('uncaughtException', failed); // one request of many; LiteLLM would have to connect again
  process.on('unhandledRejection', failed);
}

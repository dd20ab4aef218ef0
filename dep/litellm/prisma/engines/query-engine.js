// Prisma's query engine for prisma-client-py, which starts it with `-p PORT` and talks HTTP and GraphQL to it: the
// interface of Prisma 5.4 before the WebAssembly build of Prisma 6.
import { parseArgs } from 'node:util';
import { VERSION } from './version.js';

process.title = 'query-engine'; // LiteLLM looks for its engine by this name
const { values } = parseArgs({
  strict: false, // the client also passes --enable-metrics and --enable-raw-queries
  options: { port: { type: 'string', short: 'p', default: '4466' }, version: { type: 'boolean' } },
});

if (values.version) {
  console.log(`query-engine ${VERSION}`);
} else {
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(0));
  // The client asks for the version before each start: all the rest is loaded only now.
  import('./server.js').then(({ serve }) => serve(Number(values.port)));
}

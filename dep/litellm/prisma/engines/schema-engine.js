// Prisma's schema engine for its command line 5.4, which starts it with `--datamodel SCHEMA` and talks JSON-RPC to it:
// the interface of Prisma 5.4 before the WebAssembly build of Prisma 6.
import { parseArgs } from 'node:util';
import { VERSION } from './version.js';

const { values, positionals } = parseArgs({
  strict: false,
  allowPositionals: true,
  options: {
    datamodel: { type: 'string', short: 'd' },
    datasource: { type: 'string' },
    version: { type: 'boolean' },
  },
});

if (values.version) {
  console.log(`schema-engine-cli ${VERSION}`);
} else if (positionals[0] === 'cli') {
  import('./command.js')
    .then(({ run }) => run(values.datasource, positionals.at(-1)))
    .then((code) => process.exit(code));
} else {
  process.on('SIGTERM', () => process.exit(0));
  import('./rpc.js').then(({ serve }) => serve(values.datamodel));
}

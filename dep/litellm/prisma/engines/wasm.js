// Loading of Prisma's WebAssembly modules: their packages are made for bundlers that instantiate by themselves.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Instantiates a module of wasm-bindgen.
 *
 * @param {string} name the module's name, as its glue code has it: `query_engine`, `schema_engine`
 * @param {object} glue the namespace of its `NAME_bg.js`; what it exports works afterwards
 */
export async function load(name, glue) {
  const bytes = readFileSync(join(__dirname, `${name}_bg.wasm`)); // beside the bundle, which is CommonJS
  const { instance } = await WebAssembly.instantiate(bytes, { [`./${name}_bg.js`]: glue });
  glue.__wbg_set_wasm(instance.exports);
  instance.exports.__wbindgen_start();
}

// What the two programs know of LiteLLM's schema: written at build from Prisma's own model of it (see fields.py).
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const known = JSON.parse(readFileSync(join(__dirname, 'schema.json'), 'utf8'));

/** Fields that need care, of each model: `Json`, or the name of the model that a relation leads to. */
export const models = known.models;

/**
 * The address of the database, from the variable that the schema names.
 *
 * @throws {Error} if it is not set
 */
export function databaseUrl() {
  const [override] = JSON.parse(process.env.OVERWRITE_DATASOURCES || '[]');
  const url = override ? override.url : process.env[known.urlVariable];
  if (!url) throw new Error(`Environment variable not found: ${known.urlVariable}.`);
  return url;
}

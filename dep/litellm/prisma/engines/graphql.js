// Requests: from the GraphQL of prisma-client-py to the JSON protocol of the engine.
import { Kind, parse } from 'graphql/language';
import { models } from './schema.js';

const OPERATION =
  /^(createOne|createMany|deleteOne|deleteMany|updateOne|updateMany|upsertOne|aggregate|groupBy|findMany|findFirst|findUnique)(.+?)(OrThrow)?$/;

/** A literal of GraphQL as the protocol has it. */
function literal(node) {
  switch (node.kind) {
    case Kind.STRING:
    case Kind.ENUM:
    case Kind.BOOLEAN:
      return node.value;
    case Kind.FLOAT:
      return Number(node.value);
    case Kind.INT: {
      const number = Number(node.value);
      return Number.isSafeInteger(number) ? number : { $type: 'BigInt', value: node.value };
    }
    case Kind.NULL:
      return null;
    case Kind.LIST:
      return node.values.map(literal);
    case Kind.OBJECT:
      return Object.fromEntries(node.fields.map((field) => [field.name.value, literal(field.value)]));
    default:
      throw new Error(`GraphQL's ${node.kind} is not supported`);
  }
}

const isObject = (item) => item !== null && typeof item === 'object' && !Array.isArray(item);

/** Applies `change` to each value of an object, or of each object of a list; leaves all else as it is. */
function mapValues(item, change) {
  if (Array.isArray(item)) return item.map((one) => mapValues(one, change));
  if (!isObject(item) || '$type' in item) return item;
  return Object.fromEntries(Object.entries(item).map(([key, value]) => [key, change(key, value)]));
}

// What takes a value of the field's own type. In GraphQL the text at a Json field is the text of a JSON value; in the
// protocol it is a JSON string. `path` beside them is a list of plain strings.
const OF_FIELD_TYPE = new Set(
  ['set', 'push', 'equals', 'not', 'array_contains', 'array_starts_with', 'array_ends_with', 'lt', 'lte', 'gt', 'gte'],
);

function json(item) {
  if (typeof item === 'string') return { $type: 'Json', value: item };
  if (Array.isArray(item)) return item.map(json);
  return mapValues(item, (key, value) => (OF_FIELD_TYPE.has(key) ? json(value) : value));
}

const LOGIC = new Set(['AND', 'OR', 'NOT']);

/** What is keyed by the fields of a model: a filter, data, an order. */
function fields(item, model) {
  return mapValues(item, (key, value) => {
    const type = models[model]?.[key];
    if (type === 'Json') return json(value);
    if (type) return relation(value, type);
    return LOGIC.has(key) ? fields(value, model) : value;
  });
}

const PARTS = new Set(['connectOrCreate', 'upsert', 'updateMany', 'createMany']); // {where, data, create, update}
const isPart = (item) => isObject(item) && isObject(item.data) && Object.keys(item).every((key) => /^(where|data)$/.test(key));

/** What stands at a relation, keyed by operations on the other model: `create`, `connect`, `some`. */
function relation(item, model) {
  return mapValues(item, (key, value) => {
    const inParts = PARTS.has(key) || (key === 'update' && [value].flat().every(isPart));
    return inParts ? mapValues(value, (_, part) => fields(part, model)) : fields(value, model);
  });
}

/** Arguments and selection of a field; `model` is what it selects from: none for raw SQL and for counts and sums. */
function body(field, model) {
  const argument = ({ name, value }) => [name.value, model ? fields(literal(value), model) : literal(value)];
  const selected = (child) => [
    child.name.value,
    child.selectionSet || child.arguments.length ? body(child, models[model]?.[child.name.value]) : true,
  ];
  return {
    arguments: Object.fromEntries(field.arguments.map(argument)),
    selection: Object.fromEntries((field.selectionSet?.selections ?? []).map(selected)),
  };
}

/**
 * Translates one document, which has one field at its top, as the client writes them.
 *
 * @param {string} query
 * @returns {{key: string, raw: boolean, query: object}} `key` is the name that the answer goes by, `raw` is true for
 *   SQL that returns rows, `query` is the engine's
 */
export function request(query) {
  const [field] = parse(query, { noLocation: true }).definitions[0].selectionSet.selections;
  const name = field.name.value;
  const key = field.alias?.value ?? name;
  if (name === 'queryRaw' || name === 'executeRaw') {
    return { key, raw: name === 'queryRaw', query: { action: name, query: body(field) } };
  }
  const [, action, modelName, orThrow = ''] = OPERATION.exec(name) ?? [];
  if (!action) throw new Error(`the operation ${name} is not supported`);
  return { key, raw: false, query: { modelName, action: action + orThrow, query: body(field, modelName) } };
}

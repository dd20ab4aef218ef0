// Answers: from the JSON protocol of the engine to what prisma-client-py reads.

/** `{"$type": "DateTime", "value": "…"}` is the value alone in GraphQL. */
function plain(item) {
  if (Array.isArray(item)) return item.map(plain);
  if (item === null || typeof item !== 'object') return item;
  if ('$type' in item) return item.value;
  return Object.fromEntries(Object.entries(item).map(([key, value]) => [key, plain(value)]));
}

function typed(type, value) {
  if (value === null) return { prisma__type: 'null', prisma__value: null };
  if (type.endsWith('-array')) {
    const element = type.slice(0, -'-array'.length);
    return { prisma__type: 'array', prisma__value: value.map((one) => typed(element, one)) };
  }
  return { prisma__type: type, prisma__value: value };
}

/** Rows of raw SQL: Prisma 6 tells the types once, Prisma 5.4 with each value. */
const rows = ({ columns, types, rows: found }) =>
  found.map((row) => Object.fromEntries(row.map((value, i) => [columns[i], typed(types[i], value)])));

/**
 * @param {object} answer one answer of the engine
 * @param {{key: string, raw: boolean}} asked what `request` in graphql.js made of the question
 */
export function response(answer, { key, raw }) {
  if (answer.errors) return answer;
  const [result] = Object.values(answer.data);
  return { data: { [key]: raw ? rows(result) : plain(result) } };
}

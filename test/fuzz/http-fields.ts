/** Fields as they come from node:http: names and values in turn. */
export type RawFields = readonly string[];

/** End at every hop, or are written anew by it. */
const ofTheHop = [
  'connection',
  'http2-settings',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
];
/** Cannot be named away. */
const kept: ReadonlySet<string> = new Set(['content-length', 'host']);

export const namesIn = (fields: RawFields): readonly string[] => fields.filter((_, index) => index % 2 === 0).map((name) => name.toLowerCase());

export const valuesOf = (fields: RawFields, name: string): readonly string[] =>
  fields.filter((_, index) => index % 2 === 1 && fields[index - 1]?.toLowerCase() === name);

/** What must go on of `fields`, to the byte and in order: all but what ends at a hop, what `Connection` names, and `others`. */
export const endToEnd = (fields: RawFields, others: readonly string[]): RawFields => {
  const named = valuesOf(fields, 'connection')
    .flatMap((value) => value.toLowerCase().split(','))
    .map((token) => token.trim());
  const dropped = new Set([...ofTheHop, ...named.filter((name) => !kept.has(name)), ...others]);
  return fields.filter((_, index) => !dropped.has((fields[index - (index % 2)] ?? '').toLowerCase()));
};

const notTrailers: ReadonlySet<string> = new Set([
  ...ofTheHop,
  'authorization',
  'cache-control',
  'content-encoding',
  'content-length',
  'content-range',
  'content-type',
  'cookie',
  'date',
  'expect',
  'forwarded',
  'host',
  'max-forwards',
  'set-cookie',
  'user-agent',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-port',
  'x-forwarded-proto',
  'x-real-ip',
]);
export const passableTrailers = (trailers: RawFields): RawFields =>
  trailers.filter((_, index) => !notTrailers.has((trailers[index - (index % 2)] ?? '').toLowerCase()));

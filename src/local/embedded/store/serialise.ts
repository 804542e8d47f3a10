import { textAt, type JsonObject } from '../json.ts';

const texts = new WeakMap<JsonObject, string>();

/** U+2028 and U+2029 end a line for some readers (readline of Node 24), and a watch is a line per event: escaped, as Go always does. */
const lineSeparators = /[\u2028\u2029]/g;
const escape = (text: string): string => text.replace(lineSeparators, (found) => (found === '\u2028' ? '\\u2028' : '\\u2029'));

/** JSON as kube-apiserver puts it on the wire: one line, whatever the strings hold. */
export const jsonLine = (value: unknown): string => escape(JSON.stringify(value));

/** Lists of upstream's types that are written also where they are empty: Go has null for those (`json:"endpoints"` without `omitempty`). */
const writtenLists: Readonly<Record<string, readonly string[]>> = { EndpointSlice: ['endpoints', 'ports'], ClusterRole: ['rules'], Role: ['rules'] };

const withNulls = (object: JsonObject): JsonObject => {
  const isEmpty = (name: string): boolean => {
    const list = object[name];
    return !Array.isArray(list) || list.length === 0;
  };
  const empty = (writtenLists[textAt(object, 'kind') ?? ''] ?? []).filter(isEmpty);
  return empty.length === 0 ? object : { ...object, ...Object.fromEntries(empty.map((name) => [name, null])) };
};

/** JSON of a frozen object, made once and shared by every answer and every watcher. */
export const objectText = (object: JsonObject): string => {
  const known = texts.get(object);
  if (known !== undefined) return known;
  const text = jsonLine(withNulls(object));
  texts.set(object, text);
  return text;
};

/** The same without kind and apiVersion (which come first: see `stored.ts`), as the items of a typed list are. */
export const itemText = (object: JsonObject): string => {
  const head = `{"kind":${JSON.stringify(textAt(object, 'kind') ?? '')},"apiVersion":${JSON.stringify(textAt(object, 'apiVersion') ?? '')},`;
  return `{${objectText(object).slice(head.length)}`;
};

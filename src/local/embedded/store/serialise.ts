import { textAt, type JsonObject } from '../json.ts';

const texts = new WeakMap<JsonObject, string>();

/** U+2028 and U+2029 end a line for some readers (readline of Node 24), and a watch is a line per event: escaped, as Go always does. */
const lineSeparators = /[\u2028\u2029]/g;
const escape = (text: string): string => text.replace(lineSeparators, (found) => (found === '\u2028' ? '\\u2028' : '\\u2029'));

/** JSON as kube-apiserver puts it on the wire: one line, whatever the strings hold. */
export const jsonLine = (value: unknown): string => escape(JSON.stringify(value));

/** JSON of a frozen object, made once and shared by every answer and every watcher. */
export const objectText = (object: JsonObject): string => {
  const known = texts.get(object);
  if (known !== undefined) return known;
  const text = jsonLine(object);
  texts.set(object, text);
  return text;
};

/** The same without kind and apiVersion (which come first: see `stored.ts`), as the items of a typed list are. */
export const itemText = (object: JsonObject): string => {
  const head = `{"kind":${JSON.stringify(textAt(object, 'kind') ?? '')},"apiVersion":${JSON.stringify(textAt(object, 'apiVersion') ?? '')},`;
  return `{${objectText(object).slice(head.length)}`;
};

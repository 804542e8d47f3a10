import type { Stored } from './stored.ts';

const texts = new WeakMap<Stored, string>();

/** U+2028 and U+2029 end a line for some readers (readline of Node 24), and a watch is a line per event: escaped, as Go always does. */
const lineSeparators = /[\u2028\u2029]/g;
const escape = (text: string): string => text.replace(lineSeparators, (found) => (found === '\u2028' ? '\\u2028' : '\\u2029'));

/** JSON as kube-apiserver puts it on the wire: one line, whatever the strings hold. */
export const jsonLine = (value: unknown): string => escape(JSON.stringify(value));

/** JSON of a stored object, made once and shared by every answer and every watcher. */
export const objectText = (object: Stored): string => {
  const known = texts.get(object);
  if (known !== undefined) return known;
  const text = jsonLine(object);
  texts.set(object, text);
  return text;
};

/** The same without kind and apiVersion, as the items of a typed list are. */
export const itemText = (object: Stored): string => {
  const head = `{"kind":${JSON.stringify(object.kind)},"apiVersion":${JSON.stringify(object.apiVersion)},`;
  return `{${objectText(object).slice(head.length)}`;
};

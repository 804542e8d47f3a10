const slots = 1024;
const longest = 64;
const known = new Array<string>(slots).fill('');

const isSame = (text: string, bytes: Uint8Array, from: number): boolean => {
  for (let at = 0; at < text.length; at += 1) if (text.charCodeAt(at) !== bytes[from + at]) return false;
  return true;
};

/** `bytes[from, to)` as text, each byte a character. Short ones that come again and again are the same string, without another one being made. */
export const textOf = (bytes: Buffer, from: number, to: number): string => {
  const length = to - from;
  if (length > longest) return bytes.toString('latin1', from, to);
  if (length === 0) return '';
  let hash = length;
  for (let at = from; at < to; at += 1) hash = (Math.imul(hash, 31) + (bytes[at] ?? 0)) | 0;
  const slot = (hash ^ (hash >>> 13)) & (slots - 1);
  const text = known[slot] ?? '';
  if (text.length === length && isSame(text, bytes, from)) return text;
  return (known[slot] = bytes.toString('latin1', from, to));
};

/** Length in bits of the code of each byte, and of the end of string (RFC 7541 Appendix B). The code is canonical: the lengths say all. */
const codeLengths: readonly number[] = [
  13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28, 6, 10, 10, 12, 13, 6, 8, 11,
  10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10, 13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7,
  8, 13, 19, 13, 14, 6, 15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28, 20, 22, 20, 20, 22, 22, 22, 23,
  22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24, 22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23,
  23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23, 26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26,
  27, 24, 21, 21, 26, 26, 28, 27, 27, 27, 20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27,
  27, 27, 26, 30,
];
const endOfString = 256;

const codes = new Uint32Array(257);
const lengths = Uint8Array.from(codeLengths);

/** A node of the code's tree, bit by bit: another node, or `~symbol`. */
const ones: number[] = [];
const zeros: number[] = [];

const addNode = (): number => {
  zeros.push(0);
  return ones.push(0) - 1;
};

const grow = (): void => {
  addNode();
  const inOrder = Array.from(codeLengths.keys()).sort((one, other) => (codeLengths[one] ?? 0) - (codeLengths[other] ?? 0) || one - other);
  let [code, bits] = [0, 0];
  for (const symbol of inOrder) {
    const length = codeLengths[symbol] ?? 0;
    code <<= length - bits;
    bits = length;
    codes[symbol] = code;
    let node = 0;
    for (let bit = length - 1; bit >= 0; bit -= 1) {
      const side = (code >> bit) & 1 ? ones : zeros;
      if (bit === 0) side[node] = ~symbol;
      else node = side[node] ||= addNode();
    }
    code += 1;
  }
};
grow();

const emits = 1 << 16;
const fails = 1 << 17;
/** For each node and four bits: where they lead (bits 0–7), and the byte that they complete (bits 8–15 with `emits`; never two, the shortest code has five bits). */
const steps = new Uint32Array(ones.length * 16);
/** Nodes at which a string may end: behind less than a byte of ones, the beginning of the end of string. */
const endsWell = new Uint8Array(ones.length);

const fillSteps = (): void => {
  for (let start = 0; start < ones.length; start += 1)
    for (let nibble = 0; nibble < 16; nibble += 1) {
      let [node, step] = [start, 0];
      for (let bit = 3; bit >= 0; bit -= 1) {
        node = ((nibble >> bit) & 1 ? ones[node] : zeros[node]) ?? 0;
        if (node >= 0) continue;
        step |= ~node === endOfString ? fails : emits | (~node << 8);
        node = 0;
      }
      steps[start * 16 + nibble] = step | node;
    }
  for (let node = 0, bits = 0; bits < 8; bits += 1) {
    endsWell[node] = 1;
    node = ones[node] ?? 0;
  }
};
fillSteps();

/** Decodes `bytes[from, to)` into `into`, which has room for 8/5 of it. Returns how many bytes it became; -1 where that is no code, or ends in what is none. */
export const huffmanDecode = (bytes: Uint8Array, from: number, to: number, into: Uint8Array): number => {
  let [node, length] = [0, 0];
  for (let at = from; at < to; at += 1) {
    const byte = bytes[at] ?? 0;
    let step = steps[(node << 4) | (byte >> 4)] ?? fails;
    if ((step & emits) !== 0) into[length++] = (step >> 8) & 0xff;
    if ((step & fails) !== 0) return -1;
    step = steps[((step & 0xff) << 4) | (byte & 15)] ?? fails;
    if ((step & emits) !== 0) into[length++] = (step >> 8) & 0xff;
    if ((step & fails) !== 0) return -1;
    node = step & 0xff;
  }
  return endsWell[node] === 1 ? length : -1;
};

/** Bytes that `text`, of characters up to 255, takes encoded. */
export const huffmanLength = (text: string): number => {
  let bits = 0;
  for (let at = 0; at < text.length; at += 1) bits += lengths[text.charCodeAt(at) & 0xff] ?? 0;
  return (bits + 7) >> 3;
};

/** Writes `text` encoded into `into` from `at`; returns where it ends. */
export const huffmanEncode = (text: string, into: Uint8Array, at: number): number => {
  // Up to 7 bits are left over from the character before, and a code has up to 30: too many for one integer, so a long code goes in two parts.
  let [end, rest, bits] = [at, 0, 0];
  for (let index = 0; index < text.length; index += 1) {
    const byte = text.charCodeAt(index) & 0xff;
    let [code, length] = [codes[byte] ?? 0, lengths[byte] ?? 0];
    if (length > 16) {
      rest = (rest << (length - 16)) | (code >>> 16);
      bits += length - 16;
      code &= 0xffff;
      length = 16;
      for (; bits >= 8; bits -= 8) into[end++] = rest >>> (bits - 8);
      rest &= 0xff;
    }
    rest = (rest << length) | code;
    bits += length;
    for (; bits >= 8; bits -= 8) into[end++] = rest >>> (bits - 8);
    rest &= 0xff;
  }
  if (bits > 0) into[end++] = (rest << (8 - bits)) | (0xff >> bits);
  return end;
};

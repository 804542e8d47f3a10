import fc from 'fast-check';

/** `bytes` cut at `cuts`, each taken modulo the length; without empty pieces. */
export const inPieces = (bytes: Buffer, cuts: readonly number[]): readonly Buffer[] => {
  const at = [...new Set(cuts.map((cut) => (bytes.length === 0 ? 0 : cut % bytes.length)))].sort((one, other) => one - other);
  return [0, ...at].map((from, index) => bytes.subarray(from, at[index] ?? bytes.length)).filter(({ length }) => length > 0);
};

/** Where to cut: nowhere, here and there, or between any two bytes. */
export const cuts: fc.Arbitrary<readonly number[]> = fc.oneof(
  { weight: 4, arbitrary: fc.array(fc.nat(), { maxLength: 8 }) },
  { weight: 1, arbitrary: fc.constant(Array.from({ length: 2000 }, (_, index) => index)) },
);

export const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1');

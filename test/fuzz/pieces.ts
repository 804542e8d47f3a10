import { crc32 } from 'node:zlib';
import { seededRandom, type Random } from '../../src/core/index.ts';

/** Dice that fall alike for the same input: what was found is found again by it. */
export const randomFor = (input: Buffer): Random => seededRandom(crc32(input));

/** Half of the time whole, else cut at up to eight places. */
export const cutAtRandom = (random: Random, input: Buffer): readonly Buffer[] => {
  const count = random() < 0.5 ? 0 : 1 + Math.floor(random() * 8);
  const cuts = Array.from({ length: count }, () => Math.floor(random() * (input.length + 1))).sort((one, other) => one - other);
  return [0, ...cuts].map((from, index) => input.subarray(from, cuts[index] ?? input.length)).filter(({ length }) => length > 0);
};

/** Resolves in the next turn of the event loop, when what was written is on its way. */
export const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

import test from 'ava';
import fc from 'fast-check';
import { ReadBuffer } from './read-buffer.ts';

const blockBytes = 128 * 1024;

/** What a socket does: reads at most so many bytes, and says whether somebody keeps them. */
const read = (buffer: ReadBuffer, most: number, held: boolean, fill = 0): Buffer => {
  const into = buffer.next();
  const bytes = Math.min(most, into.length);
  into.fill(fill, 0, bytes);
  const view = buffer.read(bytes);
  buffer.done(held);
  return view;
};

const memoryOf = (views: readonly Buffer[]): number => [...new Set(views.map(({ buffer }) => buffer))].reduce((sum, { byteLength }) => sum + byteLength, 0);
const bytesOf = (views: readonly Buffer[]): number => views.reduce((sum, { length }) => sum + length, 0);

for (const bytes of [9_000, 12_000, 16_384, 40_000])
  test(`reads of ${bytes} bytes that are kept hold little more memory than they fill`, (t) => {
    const buffer = new ReadBuffer();
    read(buffer, bytes, false);
    const kept = Array.from({ length: 100 }, () => read(buffer, bytes, true));
    // The last block is the one that is read into.
    t.true(memoryOf(kept) <= 1.15 * bytesOf(kept) + blockBytes, `${memoryOf(kept)} for ${bytesOf(kept)}`);
  });

test('a connection over which little comes has little to read into, however often', (t) => {
  const buffer = new ReadBuffer();
  for (let count = 0; count < 10; count += 1) t.is(read(buffer, 1000, count % 2 === 0).buffer.byteLength, 4 * 1024);
});

test('what is not kept is read over, and what fills the rest of a block is followed by a whole one', (t) => {
  const buffer = new ReadBuffer();
  read(buffer, Infinity, false);
  t.is(buffer.next().length, blockBytes);
  const first = read(buffer, 100_000, true);
  t.is(buffer.next().length, blockBytes - 100_000);
  const second = read(buffer, 20_000, false);
  t.is(second.buffer, first.buffer);
  t.is(second.byteOffset, 100_000);
  t.is(read(buffer, 10_000, false).byteOffset, 100_000);
  read(buffer, Infinity, false);
  t.is(buffer.next().length, blockBytes);
});

test('what is kept is never read over, and there is always room for a read', (t) => {
  const reads = fc.array(fc.tuple(fc.oneof(fc.integer({ min: 1, max: 20_000 }), fc.integer({ min: 1, max: 200_000 })), fc.boolean()), { maxLength: 60 });
  fc.assert(
    fc.property(reads, (sizes) => {
      const buffer = new ReadBuffer();
      const kept: [Buffer, number][] = [];
      for (const [index, [most, held]] of sizes.entries()) {
        const fill = (index % 255) + 1;
        const view = read(buffer, most, held, fill);
        if (view.length < Math.min(most, 4 * 1024)) return false;
        if (held) kept.push([view, fill]);
      }
      return kept.every(([view, fill]) => view.every((byte) => byte === fill));
    }),
    { numRuns: 50 },
  );
  t.pass();
});

import { PassThrough, Writable } from 'node:stream';
import test from 'ava';
import fc from 'fast-check';
import { passLines } from './pass-lines.ts';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('however the lines of several come in pieces, each goes out whole, and those of one in their order', async (t) => {
  const line = fc.string({ minLength: 1, maxLength: 20 }).map((text) => text.replaceAll(/[^a-z]/g, 'x'));
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(line, line), { maxLength: 20 }), fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }), async (pairs, sizes) => {
      const out: Buffer[] = [];
      const to = new Writable({
        write: (chunk: Buffer, _encoding, done) => {
          out.push(chunk);
          done();
        },
      });
      const sources = [0, 1].map((which) => {
        const stream = new PassThrough();
        passLines(stream, to);
        return { stream, text: Buffer.from(pairs.map((pair) => `${which}${pair[which] ?? ''}\n`).join('')), at: 0 };
      });
      for (let step = 0; sources.some(({ at, text }) => at < text.length); step += 1) {
        const source = sources[step % 2]!;
        const size = sizes[step % sizes.length]!;
        if (source.at < source.text.length) source.stream.write(source.text.subarray(source.at, source.at + size));
        source.at += size;
        await turn();
      }
      const lines = Buffer.concat(out).toString().split('\n').slice(0, -1);
      for (const which of [0, 1])
        t.deepEqual(
          lines.filter((each) => each.startsWith(String(which))),
          pairs.map((pair) => `${which}${pair[which] ?? ''}`),
        );
    }),
    { numRuns: 30 },
  );
});

test('while nobody takes what is passed on, nothing more is read', async (t) => {
  const from = new PassThrough();
  const stuck = new Writable({ highWaterMark: 4, write: () => undefined });
  passLines(from, stuck);
  from.write('a long line\n');
  await turn();
  t.true(from.isPaused());
});

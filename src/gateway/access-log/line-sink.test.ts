import test from 'ava';
import { instant, ManualClock, millis } from '../../core/index.ts';
import { LineSink, mostWaitingBytes } from './line-sink.ts';

const scene = (): {
  readonly clock: ManualClock;
  readonly sink: LineSink;
  readonly out: { writableLength: number; readonly writes: string[]; write(text: string): void };
} => {
  const clock = new ManualClock(instant(0));
  const out = { writableLength: 0, writes: [] as string[], write: (text: string) => void out.writes.push(text) };
  return { clock, sink: new LineSink(clock, out), out };
};

test('lines that come close together are one write, and none waits longer than 50 ms', async (t) => {
  const { clock, sink, out } = scene();
  sink.add('a\n');
  sink.add('b\n');
  await clock.advance(millis(49));
  t.deepEqual(out.writes, []);
  await clock.advance(millis(1));
  t.deepEqual(out.writes, ['a\nb\n']);
  sink.add('c\n');
  sink.flush();
  await clock.advance(millis(100));
  t.deepEqual(out.writes, ['a\nb\n', 'c\n']);
});

test('many lines are written in pieces of 16 KiB', (t) => {
  const { sink, out } = scene();
  for (let line = 0; line < 32; line += 1) sink.add('x'.repeat(1024));
  t.deepEqual(out.writes.map(({ length }) => length), [16_384, 16_384]); // prettier-ignore
});

test('while nobody reads, lines wait up to 1 MiB; the rest are dropped and counted, and later ones are written again', (t) => {
  const { sink, out } = scene();
  out.writableLength = mostWaitingBytes - 3000;
  for (let line = 0; line < 5; line += 1) sink.add('x'.repeat(1000));
  t.deepEqual([sink.written, sink.dropped], [3, 2]);
  out.writableLength = 0;
  sink.add('y\n');
  sink.flush();
  t.deepEqual([sink.written, sink.dropped], [4, 2]);
  t.true(out.writes.at(-1)?.endsWith('xy\n'));
});

import test from 'ava';
import fc from 'fast-check';
import { instant, ManualClock, seconds } from '../../../core/index.ts';
import { ContainerLog } from './container-log.ts';
import { streamLog } from './log-stream.ts';

type Options = Parameters<typeof streamLog>[1];
const options = (more: Partial<Options> = {}): Options => ({
  follow: false,
  timestamps: false,
  tailLines: undefined,
  sinceMs: undefined,
  limitBytes: undefined,
  signal: new AbortController().signal,
  ...more,
});

const read = async (log: ContainerLog, more: Partial<Options> = {}): Promise<string> => {
  let text = '';
  for await (const chunk of streamLog(log, options(more))) text += Buffer.from(chunk).toString();
  return text;
};

const newLog = (limit = 10_000): { log: ContainerLog; clock: ManualClock } => {
  const clock = new ManualClock(instant(Date.UTC(2026, 0, 1)));
  return { log: new ContainerLog(clock, limit), clock };
};

test('lines come out as they were written, however the chunks fell', async (t) => {
  const { log } = newLog();
  for (const chunk of ['on', 'e\ntwo\nth', 'ree']) log.write('stdout', Buffer.from(chunk));
  log.write('stderr', Buffer.from('err\n'));
  t.is(await read(log), 'one\ntwo\nerr\n');
  log.end();
  t.is(await read(log), 'one\ntwo\nerr\nthree');
});

test('tail, since, limit and timestamps choose and decorate', async (t) => {
  const { log, clock } = newLog();
  log.write('stdout', Buffer.from('a\n'));
  await clock.advance(seconds(5));
  const since = clock.now();
  log.write('stdout', Buffer.from('b\nc\n'));
  t.is(await read(log, { tailLines: 1 }), 'c\n');
  t.is(await read(log, { tailLines: 0 }), '');
  t.is(await read(log, { sinceMs: since }), 'b\nc\n');
  t.is(await read(log, { limitBytes: 3 }), 'a\nb');
  t.is(await read(log, { tailLines: 1, timestamps: true }), '2026-01-01T00:00:05.000000000Z c\n');
});

test('following gives what comes, and ends with the container', async (t) => {
  const { log } = newLog();
  log.write('stdout', Buffer.from('a\n'));
  const whole = read(log, { follow: true });
  await new Promise(setImmediate);
  log.write('stdout', Buffer.from('b\n'));
  await new Promise(setImmediate);
  log.write('stdout', Buffer.from('c'));
  log.end();
  t.is(await whole, 'a\nb\nc');
});

test('following ends when the reader goes', async (t) => {
  const { log } = newLog();
  const reader = new AbortController();
  const whole = read(log, { follow: true, signal: reader.signal });
  await new Promise(setImmediate);
  reader.abort();
  t.is(await whole, '');
});

test('memory is bounded: only the newest lines are kept, and a line without end is cut', async (t) => {
  const { log } = newLog(2000);
  for (let line = 0; line < 5000; line += 1) log.write('stdout', Buffer.from(`line ${line}\n`));
  const { first, past } = log.bounds;
  t.is(past, 5000);
  t.true(past - first < 40);
  t.true((await read(log)).endsWith('line 4999\n'));
  const { log: endless } = newLog(100_000);
  for (let chunk = 0; chunk < 100; chunk += 1) endless.write('stdout', Buffer.alloc(10_000, 'x'));
  t.true((await read(endless)).length <= 100_000);
});

test('what is kept is always a suffix of what was written', async (t) => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.string({ minLength: 0, maxLength: 40 }), { maxLength: 60 }), fc.integer({ min: 200, max: 3000 }), async (chunks, limit) => {
      const { log } = newLog(limit);
      for (const chunk of chunks) log.write('stdout', Buffer.from(chunk));
      log.end();
      t.true(
        Buffer.from(chunks.join(''))
          .toString()
          .endsWith(await read(log)),
      );
    }),
    { numRuns: 100 },
  );
});

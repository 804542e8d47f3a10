import test from 'ava';
import fc from 'fast-check';
import { millis } from '../units.ts';
import { parseDuration, printDuration } from './duration.ts';

const reads = test.macro({
  exec(t, text: string, expected: number | undefined) {
    t.is(parseDuration(text), expected === undefined ? undefined : millis(expected));
  },
  title: (_, text: string, expected: number | undefined) => `${JSON.stringify(text)} is ${expected === undefined ? 'no duration' : `${String(expected)} ms`}`,
});

test(reads, '90s', 90_000);
test(reads, '1m30s', 90_000);
test(reads, '1.5h', 5_400_000);
test(reads, '.5s', 500);
test(reads, '0', 0);
test(reads, '-2s', -2000);
test(reads, '+2s', 2000);
test(reads, '1h0m0s', 3_600_000);
test(reads, '1500us', 1.5);
test(reads, '1µs', 0.001);
test(reads, '0.1s0.2s', 300);
test(reads, '', undefined);
test(reads, '90', undefined);
test(reads, '1 m', undefined);
test(reads, 's', undefined);
test(reads, '.s', undefined);
test(reads, '1d', undefined);
test(reads, '1s!', undefined);
test(reads, `${'1'.repeat(70)}s`, undefined);

test('printing and parsing a duration gives the same duration', (t) => {
  t.notThrows(() => {
    fc.assert(
      fc.property(fc.integer({ min: -1e12, max: 1e12 }), (value) => parseDuration(printDuration(millis(value))) === value),
      { numRuns: 2000 },
    );
  });
});

test('a duration is printed as short as it can be', (t) => {
  t.deepEqual(
    [0, 250, 1500, 60_000, 90_000, 3_600_000, 3_661_000, 90_250].map((value) => printDuration(millis(value))),
    ['0s', '250ms', '1.5s', '1m', '1m30s', '1h', '1h1m1s', '1m30.25s'],
  );
});

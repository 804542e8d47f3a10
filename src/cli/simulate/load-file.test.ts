import test from 'ava';
import { parseLoad } from './load-file.ts';

const seconds = (text: string): readonly number[] => {
  const parsed = parseLoad(text, 'x.csv');
  if (!parsed.ok) throw new Error(parsed.problem);
  return parsed.value.perSecond;
};

test('a value holds until the next row, the last one as long as the one before it', (t) => {
  t.deepEqual(seconds('time,rps\n0,1\n2,5\n4,3\n'), [1, 1, 5, 5, 3, 3]);
  t.deepEqual(seconds('time,rps\n7,4\n'), [4]);
});

test('a change in the middle of a second counts for its share', (t) => {
  t.deepEqual(seconds('time,concurrency\n0,2\n1.5,4\n3,0'), [2, 3, 4, 0, 0]);
});

test('a byte order mark before the header is none of it', (t) => {
  t.deepEqual(seconds('\uFEFFtime,rps\n0,1\n'), [1]);
});

test('times may be RFC 3339, and tell when the load was recorded', (t) => {
  const parsed = parseLoad('# from the access log\r\nTime, RPS\r\n2026-01-05T09:00:00+01:00,1\r\n\r\n2026-01-05T08:00:02Z,3\r\n', 'x.csv');
  t.deepEqual(parsed, { ok: true, value: { name: 'x.csv', unit: 'rps', perSecond: [1, 1, 3, 3], startedAt: Date.UTC(2026, 0, 5, 8) } });
});

const refused = test.macro({
  exec: (t, text: string, problem: string) => {
    t.deepEqual(parseLoad(text, 'x.csv'), { ok: false, problem });
  },
  title: (_given, text) => `refused: ${JSON.stringify(text)}`,
});
test(refused, '', 'there is no header in it');
test(refused, 'time,rps\n', 'there is no row in it');
test(refused, '1,2\n', 'line 1: want the header "time,rps" or "time,concurrency", got "1,2"');
test(refused, 'time,rps\n0,1\n1,x\n', 'line 3: "x" is no rps; want a number from 0 to 1000000, e.g. 12.5');
test(refused, 'time,rps\n0,\n', 'line 2: "" is no rps; want a number from 0 to 1000000, e.g. 12.5');
test(refused, 'time,rps\n0,-1\n', 'line 2: "-1" is no rps; want a number from 0 to 1000000, e.g. 12.5');
test(refused, 'time,concurrency\n0,NaN\n', 'line 2: "NaN" is no concurrency; want a number from 0 to 1000000, e.g. 12.5');
test(refused, 'time,rps\n0,1,2\n', 'line 2: want two values, a time and rps, got 3');
test(refused, 'time,rps\nnoon,1\n', 'line 2: "noon" is no time; want seconds (12.5) or RFC 3339 (2026-01-05T09:00:00Z)');
test(refused, 'time,rps\n2026-13-05T09:00:00Z,1\n', 'line 2: "2026-13-05T09:00:00Z" is no time; want seconds (12.5) or RFC 3339 (2026-01-05T09:00:00Z)');
test(refused, 'time,rps\n0,1\n2026-01-05T09:00:00Z,1\n', 'line 3: times must be all seconds, or all RFC 3339');
test(refused, 'time,rps\n1,1\n1,1\n', 'line 3: its time is not after that of the row before');
test(refused, 'time,rps\n0,1\n604801,1\n', 'line 3: this is more than a week after the first row');

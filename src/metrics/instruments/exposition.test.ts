import test from 'ava';
import fc from 'fast-check';
import { nextTurn } from '../../core/index.ts';
import { exposeMetrics } from './exposition.ts';
import { label, type Metric } from './series.ts';

/** What the lines should be, said without any care for time. */
const plainly = (metric: Metric): readonly string[] => {
  const lines: string[] = [];
  const braces = (...labels: readonly string[]): string => {
    const those = labels.filter((each) => each !== '').join(',');
    return those === '' ? '' : `{${those}}`;
  };
  if (metric.type !== 'histogram')
    for (const { labels, more = '', value } of metric.samples())
      lines.push(`${metric.name}${braces(labels, more)} ${String(value).replace(/^(-?)Infinity$/, (_, sign) => `${sign || '+'}Inf`)}`);
  else
    for (const { labels, more = '', value } of metric.samples()) {
      let below = 0;
      value.bounds.forEach((bound, index) =>
        lines.push(`${metric.name}_bucket${braces(labels, more, `le="${bound}"`)} ${(below += value.counts[index] ?? 0)}`),
      );
      lines.push(`${metric.name}_bucket${braces(labels, more, 'le="+Inf"')} ${value.count}`);
      lines.push(`${metric.name}_sum${braces(labels, more)} ${value.sum}`, `${metric.name}_count${braces(labels, more)} ${value.count}`);
    }
  return lines;
};

const labels = fc.oneof(
  fc.constant(''),
  fc.string({ unit: 'grapheme', maxLength: 40 }).map((text) => label('a', text)),
  fc.integer({ min: 60_000, max: 70_000 }).map((length) => label('a', 'é'.repeat(length))),
);
const more = fc.option(
  fc.string({ maxLength: 5 }).map((text) => label('b', text)),
  { nil: undefined },
);
const told = { name: 'x_seconds', help: 'Held — the time.' };
const withMore = <Value>(arbitrary: fc.Arbitrary<Value>) =>
  fc.array(
    fc.tuple(labels, more, arbitrary).map(([of, also, value]) => ({ labels: of, value, ...(also === undefined ? {} : { more: also }) })),
    { maxLength: 6 },
  );
const counts = fc.array(fc.nat(), { minLength: 4, maxLength: 4 });
const metric: fc.Arbitrary<Metric> = fc.oneof(
  withMore(fc.oneof(fc.double({ noNaN: true, min: -1e300 }), fc.nat(20))).map((samples): Metric => ({ ...told, type: 'gauge', samples: () => samples })),
  withMore(
    fc.tuple(counts, fc.double({ noNaN: true, noDefaultInfinity: true })).map(([each, sum]) => ({
      bounds: [0.5, 1, 30],
      counts: each,
      sum,
      count: each.reduce((one, other) => one + other, 0),
    })),
  ).map((samples): Metric => ({ ...told, type: 'histogram', samples: () => samples })),
);

test('whatever labels and values are, each line is there once and whole, wherever a piece ends', async (t) => {
  await fc.assert(
    fc.asyncProperty(fc.array(metric, { maxLength: 3 }), async (metrics) => {
      const { body } = await exposeMetrics(metrics, 'text');
      t.deepEqual(
        body,
        metrics.flatMap((each) => [`# HELP x_seconds Held — the time.`, `# TYPE x_seconds ${each.type}`, ...plainly(each)].map((line) => `${line}\n`)).join(''),
      );
    }),
    { numRuns: 60 },
  );
});

test('as OpenMetrics: the family of a counter without _total, whole bounds with .0, no empty line, and the end', async (t) => {
  const value = { bounds: [0.5, 10], counts: [1, 1, 1], sum: 20.5, count: 3 };
  const { body, contentType } = await exposeMetrics(
    [
      { name: 'a_total', help: 'A.', type: 'counter', samples: () => [{ labels: 'b="c"', value: 1 }] },
      { name: 'd_seconds', help: 'D.', type: 'histogram', samples: () => [{ labels: '', value }] },
    ],
    'openmetrics',
  );
  t.regex(contentType, /^application\/openmetrics-text; version=1\.0\.0/);
  const buckets = ['d_seconds_bucket{le="0.5"} 1', 'd_seconds_bucket{le="10.0"} 2', 'd_seconds_bucket{le="+Inf"} 3', 'd_seconds_sum 20.5', 'd_seconds_count 3'];
  t.deepEqual(body.split('\n'), [
    '# HELP a A.',
    '# TYPE a counter',
    'a_total{b="c"} 1',
    '# HELP d_seconds D.',
    '# TYPE d_seconds histogram',
    ...buckets,
    '# EOF',
    '',
  ]);
});

test('others have their turn after each 64 KB, in the middle of a metric too; a histogram that changes meanwhile is of one moment', async (t) => {
  const histogram = { bounds: [1], counts: [0, 0], sum: 0, count: 0 };
  function* samples() {
    for (let index = 0; index < 20_000; index += 1) yield { labels: label('workload', String(index)), value: histogram };
  }
  let [turns, over] = [0, false];
  const others = (async () => {
    for (; !over; turns += 1) {
      histogram.counts[0] = (histogram.counts[0] ?? 0) + 1;
      histogram.count += 1;
      await nextTurn();
    }
  })();
  const { pieces, body } = await exposeMetrics([{ ...told, type: 'histogram', samples }], 'text');
  over = true;
  await others;
  t.true(pieces.every(({ length }) => length <= 64 * 1024));
  t.true(turns >= body.length / 65_536, `${turns} turns for ${body.length} bytes`);
  const found = [...body.matchAll(/le="1"} (\d+)\n.*le="\+Inf"} (\d+)\n.*\n.*_count.* (\d+)\n/g)];
  t.is(found.length, 20_000);
  t.true(found.every(([, first, all, count]) => first === all && all === count));
  t.true(new Set(found.map(([, first]) => first)).size > 5, 'it did change');
});

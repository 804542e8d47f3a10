import test from 'ava';
import fc from 'fast-check';
import { workloadKey, type RevisionReport, type WorkloadReport } from '../core/index.ts';
import { readDownMessage, readHello, readUpMessage, type UpMessage } from './messages.ts';

const key = fc
  .tuple(fc.stringMatching(/^[a-z]{1,8}$/), fc.stringMatching(/^[a-z]{1,8}$/))
  .map(([namespace, name]) => workloadKey({ resource: 'deployments.apps', namespace, name }));
const figure = fc.double({ min: 0, max: 1e9, noNaN: true });
const count = fc.nat({ max: 1e9 });
const revision: fc.Arbitrary<RevisionReport> = fc.record({
  revision: fc.stringMatching(/^[a-z0-9]{0,10}$/),
  averageConcurrency: figure,
  requestCount: count,
  latency: fc.uniqueArray(fc.nat({ max: 180 })).map((buckets) => buckets.sort((a, b) => a - b).flatMap((bucket) => [bucket, bucket + 1])),
  requestBytes: fc.maxSafeNat(),
  responseBytes: fc.maxSafeNat(),
});
const workload: fc.Arbitrary<WorkloadReport> = fc.record({
  workload: key,
  averageConcurrency: figure,
  requestCount: count,
  held: count,
  inFlight: count,
  inFlightByPod: fc.dictionary(fc.stringMatching(/^[\w-]{1,12}$/), count, { maxKeys: 5, noNullPrototype: true }),
  revisions: fc.option(fc.array(revision, { maxLength: 3 }), { nil: undefined }),
});
const message: fc.Arbitrary<UpMessage> = fc.oneof(
  fc.record({
    type: fc.constant('report' as const),
    report: fc.record({ sequence: count, ageMs: fc.nat({ max: 1e6 }), intervalMs: fc.nat({ max: 10_000 }), workloads: fc.array(workload, { maxLength: 5 }) }),
  }),
  fc.record({ type: fc.constant('poke' as const), poke: fc.record({ workload: key, held: count, oldestHeldMs: fc.nat({ max: 1e6 }) }) }),
  fc.record({ type: fc.constant('leaving' as const) }),
);

test('a message that was printed is read as what it was', (t) => {
  fc.assert(
    fc.property(message, (sent) => {
      const read = readUpMessage(JSON.stringify(sent));
      return read.ok && JSON.stringify(read.value) === JSON.stringify(sent);
    }),
  );
  t.pass();
});

test('whatever comes is a message or a sentence, never an exception', (t) => {
  const names = fc.constantFrom(
    'type',
    'report',
    'poke',
    'workloads',
    'sequence',
    'routes',
    'snapshot',
    'upsert',
    'claim',
    'versions',
    '__proto__',
    'constructor',
  );
  const noise = fc.oneof(
    fc.json(),
    fc.string(),
    fc.dictionary(names, fc.oneof(fc.jsonValue(), names), { maxKeys: 6 }).map((value) => JSON.stringify(value)),
  );
  fc.assert(
    fc.property(noise, (json) => {
      for (const read of [readUpMessage(json), readDownMessage(json), readHello(json)]) if (!read.ok && !read.problem.startsWith('message')) return false;
      return true;
    }),
    { numRuns: 500 },
  );
  t.pass();
});

test('numbers that are none, negative or beyond all measure are refused by the name of their field', (t) => {
  const withFigure = (name: string, value: string): string =>
    JSON.stringify({
      type: 'report',
      report: {
        sequence: 1,
        ageMs: 0,
        intervalMs: 1000,
        workloads: [{ workload: 'a/b', averageConcurrency: 1, requestCount: 1, held: 0, inFlight: 0, inFlightByPod: {}, [name]: 'HERE' }],
      },
    }).replace('"HERE"', value);
  for (const name of ['averageConcurrency', 'requestCount', 'held', 'inFlight'])
    for (const value of ['-1', '1e999', '1e10', 'null', '"1"', '[]']) {
      const read = readUpMessage(withFigure(name, value));
      t.false(read.ok, `${name} ${value}`);
      if (!read.ok) t.true(read.problem.includes(`workloads[0].${name}`), read.problem);
    }
});

test('a name that means something to JavaScript means nothing in a message', (t) => {
  const read = readUpMessage(
    '{"type":"report","report":{"sequence":1,"ageMs":0,"intervalMs":1,"workloads":[{"workload":"a/b","averageConcurrency":0,"requestCount":0,"held":0,"inFlight":0,"inFlightByPod":{"__proto__":3}}]}}',
  );
  t.true(read.ok);
  if (read.ok && read.value.type === 'report') t.deepEqual(Object.entries(read.value.report.workloads[0]?.inFlightByPod ?? {}), [['__proto__', 3]]);
});

test('a field that a newer peer added is passed over', (t) => {
  t.deepEqual(readUpMessage('{"type":"left","reason":"upgrade"}'), { ok: true, value: { type: 'left' } });
});

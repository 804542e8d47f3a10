import { DataPointType } from '@opentelemetry/sdk-metrics';
import test from 'ava';
import { metricDataOf } from './metric-data.ts';

const text = `# HELP a_requests_total Requests, \\\\ and\\n more.
# TYPE a_requests_total counter
a_requests_total{namespace="shop",workload="we\\"b,le=\\"1\\"}",code="200"} 12
a_requests_total{namespace="shop",workload="other",code="500"} 0.5

# HELP a_ready Whether.
# TYPE a_ready gauge
a_ready{workload=""} 1
a_ready_bytes NaN

# HELP a_wait_seconds How long.
# TYPE a_wait_seconds histogram
a_wait_seconds_bucket{workload="web",le="0.5"} 1
a_wait_seconds_bucket{workload="web",le="2"} 4
a_wait_seconds_bucket{workload="web",le="+Inf"} 6
a_wait_seconds_sum{workload="web"} 21.5
a_wait_seconds_count{workload="web"} 6
a_wait_seconds_bucket{workload="idle",le="0.5"} 0
a_wait_seconds_bucket{workload="idle",le="2"} 0
a_wait_seconds_bucket{workload="idle",le="+Inf"} 0
a_wait_seconds_sum{workload="idle"} 0
a_wait_seconds_count{workload="idle"} 0

# HELP a_nothing Without series.
# TYPE a_nothing gauge
`;

test('an exposition is the same figures as metrics of OpenTelemetry: sums, gauges, histograms by bucket, labels without their escapes', (t) => {
  const metrics = metricDataOf(text, 1000, 61_500);
  t.deepEqual(metrics.map(({ descriptor, dataPointType }) => [descriptor.name, descriptor.unit, dataPointType]), [
    ['a_requests_total', '', DataPointType.SUM],
    ['a_ready', '', DataPointType.GAUGE],
    ['a_wait_seconds', 's', DataPointType.HISTOGRAM],
  ]); // prettier-ignore
  const [requests, ready, wait] = metrics;
  t.is(requests?.descriptor.description, 'Requests, \\ and\n more.');
  const times = { startTime: [1, 0], endTime: [61, 500_000_000] };
  t.deepEqual(requests?.dataPoints as unknown, [
    { ...times, attributes: { namespace: 'shop', workload: 'we"b,le="1"}', code: '200' }, value: 12 },
    { ...times, attributes: { namespace: 'shop', workload: 'other', code: '500' }, value: 0.5 },
  ]);
  t.deepEqual(ready?.dataPoints as unknown, [{ ...times, attributes: {}, value: 1 }]);
  t.deepEqual(wait?.dataPoints as unknown, [
    { ...times, attributes: { workload: 'web' }, value: { buckets: { boundaries: [0.5, 2], counts: [1, 3, 2] }, count: 6, sum: 21.5 } },
    { ...times, attributes: { workload: 'idle' }, value: { buckets: { boundaries: [0.5, 2], counts: [0, 0, 0] }, count: 0, sum: 0 } },
  ]);
});

import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { coldStartPhases } from '../../src/core/index.ts';
import { deployment, service } from '../support/app.ts';
import { startOtlpReceiver, type OtlpReceiver, type ReceivedSpan } from '../support/otlp-receiver.ts';
import { startRouse, type RouseProcess } from '../support/rouse-process.ts';
import { startSeparateProcesses } from '../support/separate-processes.ts';
import { followSlices } from '../support/slice-client.ts';
import { until } from '../support/until.ts';

/** Requests, the wake that they waited for and the decision behind it, as a collector gets them from a real `rouse local`. */

const anyPorts = ['--api-port', '0', '--gateway-port', '0', '--metrics-port', '0'];

interface Running {
  readonly rouse: RouseProcess;
  readonly gateway: string;
  readonly metrics: string;
}

/** The command of a pod that begins to serve when it is told to. */
const servesOn = async (
  t: ExecutionContext,
): Promise<{ readonly command: readonly string[]; readonly directory: string; readonly go: () => Promise<void> }> => {
  const directory = await mkdtemp(join(tmpdir(), 'rouse-tracing-'));
  t.teardown(() => rm(directory, { recursive: true }));
  const file = join(directory, 'go');
  const program = join(import.meta.dirname, '../support/programs/app.js');
  const command = ['/bin/sh', '-c', `until [ -e ${file} ]; do sleep 0.1; done; exec ${process.execPath} ${program}`];
  return { command, directory, go: () => writeFile(file, '') };
};

/** All of those that were asked wait: one that comes when the pod serves already is in no wake. */
const untilHeld = (requests: number, metrics: readonly string[]): Promise<unknown> =>
  until(`${requests} are held`, async () => {
    const texts = await Promise.all(metrics.map(async (url) => (await fetch(url)).text()));
    const held = texts.flatMap((text) => [...text.matchAll(/^rouse_gateway_held_requests\{.*\} (\d+)$/gm)]).map(([, count]) => Number(count));
    return held.reduce((sum, count) => sum + count, 0) === requests;
  });

const metricsOf = async (rouse: RouseProcess): Promise<string> => (await rouse.line(/^ready: .*metrics=(\S+)$/))[1] ?? '';

const startLocal = async (t: ExecutionContext, manifest: string, env: Readonly<Record<string, string>>, ...flags: readonly string[]): Promise<Running> => {
  t.timeout(110_000);
  const rouse = startRouse(['local', '-f', manifest, ...anyPorts, ...flags], env);
  t.teardown(() => rouse.stop('SIGKILL'));
  const [, gateway = ''] = await rouse.line(/^ {2}gateway {2}(\S+),/);
  return { rouse, gateway, metrics: await metricsOf(rouse) };
};

/** A request to `hello` by its host name, once the gateway knows that: nothing is traced before. */
const ask = async (gateway: string, traceparent: string): Promise<number> =>
  until('the gateway knows the host', async () => {
    const status = await new Promise<number>((resolve, reject) => {
      const headers = { host: 'hello.default.localhost', traceparent };
      request(gateway, { headers, agent: false }, (answer) => answer.resume().on('end', () => resolve(answer.statusCode ?? 0)))
        .on('error', reject)
        .end();
    });
    return status === 404 ? undefined : status;
  });

const found = async (receiver: OtlpReceiver, what: string, matches: (span: ReceivedSpan) => boolean, count = 1): Promise<readonly ReceivedSpan[]> =>
  until(
    `${count} ${what}`,
    () => {
      const spans = receiver.spans.filter(matches);
      return spans.length >= count ? spans : undefined;
    },
    40_000,
    () => [receiver.problems, receiver.spans],
  );
const named = (receiver: OtlpReceiver, name: string, count = 1): Promise<readonly ReceivedSpan[]> =>
  found(receiver, `spans ${name}`, (span) => span.name === name, count);

test('requests that wait at zero are linked to their wake, which has all its phases and the decision below it; metrics go out as /metrics has them', async (t) => {
  const receiver = await startOtlpReceiver(t);
  const { command, directory, go } = await servesOn(t);
  const manifest = join(directory, 'hello.yaml');
  await writeFile(manifest, [deployment('hello', { command }), service('hello')].map((object) => JSON.stringify(object)).join('\n---\n'));
  const { rouse, gateway, metrics } = await startLocal(
    t,
    manifest,
    {
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
      OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: receiver.grpcUrl,
      OTEL_EXPORTER_OTLP_METRICS_PROTOCOL: 'grpc',
      OTEL_METRICS_EXPORTER: 'otlp',
      OTEL_METRIC_EXPORT_INTERVAL: '300',
      OTEL_BSP_SCHEDULE_DELAY: '50',
    },
    '--tracing',
  );
  const traces = [randomBytes(16).toString('hex'), randomBytes(16).toString('hex')];
  const parent = 'b7ad6b7169203331';
  const statuses = Promise.all(traces.map((traceId) => ask(gateway, `00-${traceId}-${parent}-01`)));
  await untilHeld(2, [metrics]);
  await go();
  t.deepEqual(await statuses, [200, 200]);

  const [wake] = await named(receiver, 'wake');
  t.is(wake?.parentSpanId, undefined);
  t.like(wake?.attributes, {
    'k8s.namespace.name': 'default',
    'rouse.workload': 'hello',
    'rouse.reason': 'wake-request',
    'rouse.replicas.to': 1,
    'rouse.wake.outcome': 'served',
  });
  t.is(wake?.service, 'rouse-local');

  for (const traceId of traces) {
    const [request] = await found(receiver, `requests of ${traceId}`, (span) => span.traceId === traceId && span.kind === 2);
    const [hold] = await found(receiver, `holds of ${traceId}`, (span) => span.traceId === traceId && span.name === 'hold');
    const [upstream] = await found(receiver, `upstreams of ${traceId}`, (span) => span.traceId === traceId && span.kind === 3);
    t.is(request?.parentSpanId, parent);
    t.is(hold?.parentSpanId, request?.spanId);
    t.is(upstream?.parentSpanId, request?.spanId);
    t.deepEqual(hold?.links, [{ traceId: wake?.traceId ?? '', spanId: wake?.spanId ?? '', attributes: { 'rouse.link': 'wake' } }]);
    t.deepEqual([request?.links, upstream?.links], [[], []]);
  }

  const below = await found(receiver, 'spans below the wake', (span) => span.parentSpanId === wake?.spanId, coldStartPhases.length + 1);
  const phases = coldStartPhases.map((phase) => below.find(({ name }) => name === phase));
  let at = wake?.startMs ?? 0;
  for (const phase of phases) {
    t.is(phase?.traceId, wake?.traceId);
    t.true(Math.abs((phase?.startMs ?? 0) - at) < 0.1, `${String(phase?.name)} begins where the one before it ends`);
    at = phase?.endMs ?? 0;
  }
  t.true(Math.abs(at - (wake?.endMs ?? 0)) < 0.1);
  const decision = below.find(({ name }) => name === 'decision');
  t.like(decision?.attributes, {
    'rouse.reason': 'wake-request',
    'rouse.decision.kind': 'wake',
    'rouse.replicas.from': 0,
    'rouse.replicas.to': 1,
    'rouse.pods.ready': 0,
    'rouse.workload': 'hello',
  });
  t.true(Number(decision?.attributes['rouse.requests.held']) >= 1);

  // Everything is quiet now but the ticks.
  const text = await (await fetch(metrics)).text();
  const scraped = (series: string): number =>
    Number(
      text
        .split('\n')
        .find((line) => line.startsWith(`${series} `))
        ?.slice(series.length),
    );
  const newest = (name: string): (typeof receiver.metrics)[number] | undefined => receiver.metrics.findLast((metric) => metric.name === name);
  await until('the cold start is exported', () => newest('rouse_cold_start_seconds'));
  await until('both requests are exported', () => newest('rouse_gateway_requests_total')?.points.some(({ value }) => value === 2));
  const requests = newest('rouse_gateway_requests_total');
  t.like(requests, { kind: 'sum', isMonotonic: true, temporality: 2, service: 'rouse-local' });
  t.true(requests!.description.length > 10);
  for (const { attributes, value } of requests?.points ?? []) {
    const labels = Object.entries(attributes).map(([name, content]) => `${name}="${String(content)}"`);
    t.is(value, scraped(`rouse_gateway_requests_total{${labels.join(',')}}`));
  }
  const coldStart = newest('rouse_cold_start_seconds');
  t.like(coldStart, { kind: 'histogram', unit: 's', temporality: 2 });
  t.deepEqual(coldStart?.points.map(({ attributes }) => attributes.phase).sort(), [...coldStartPhases].sort());
  for (const { attributes, histogram } of coldStart?.points ?? []) {
    const labels = `namespace="default",workload="hello",phase="${String(attributes.phase)}"`;
    t.is(histogram?.sum, scraped(`rouse_cold_start_seconds_sum{${labels}}`));
    t.is(histogram?.count, 1);
    t.is(histogram?.counts.length, (histogram?.bounds.length ?? 0) + 1);
    t.is(
      histogram?.counts.reduce((sum, count) => sum + count, 0),
      1,
    );
  }
  t.is(newest('rouse_leader')?.kind, 'gauge');
  t.deepEqual(receiver.problems, []);
  t.true((receiver.exports.get('grpc') ?? 0) > 0 && (receiver.exports.get('application/x-protobuf') ?? 0) > 0);
  t.is(await rouse.stop('SIGTERM'), 0);
});

// On a Mac only 127.0.0.1 is there.
const onLinux = process.platform === 'linux' ? test : test.skip;

onLinux('the wake is the controller’s, whose process it is, and what waited in either of two gateways is linked to it over the link', async (t) => {
  t.timeout(110_000);
  const receiver = await startOtlpReceiver(t);
  const rouse = await startSeparateProcesses({
    ROUSE_TRACING: 'true',
    OTEL_EXPORTER_OTLP_ENDPOINT: receiver.grpcUrl,
    OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc',
    OTEL_BSP_SCHEDULE_DELAY: '50',
  });
  t.teardown(() => rouse.close());
  const controller = await rouse.startController();
  await rouse.leads(controller);
  const gateways = await Promise.all([rouse.startGateway(0), rouse.startGateway(1)]);
  const { command, go } = await servesOn(t);
  await rouse.api('POST', '/apis/apps/v1/namespaces/default/deployments', deployment('web', { command }));
  await rouse.api('POST', '/api/v1/namespaces/default/services', service('web'));
  const web = await followSlices(rouse.api, 'web');
  t.teardown(() => web.close());
  await until(
    'both gateways are endpoints',
    () => web.targets().length === 2,
    45_000,
    () => [web.targets(), controller.errors()],
  );
  const statuses = Promise.all(web.targets().map(async (target) => (await fetch(`http://${target}/`)).status));
  await untilHeld(2, await Promise.all(gateways.map(metricsOf)));
  await go();
  t.deepEqual(await statuses, [200, 200]);
  const [wake] = await named(receiver, 'wake');
  t.is(wake?.service, 'rouse-controller');
  t.is(wake?.attributes['rouse.wake.outcome'], 'served', controller.errors());
  const holds = await named(receiver, 'hold', 2);
  t.is(new Set(holds.map(({ traceId }) => traceId)).size, 2);
  for (const { links, service: from } of holds) {
    t.is(from, 'rouse-gateway');
    t.deepEqual(links, [{ traceId: wake?.traceId ?? '', spanId: wake?.spanId ?? '', attributes: { 'rouse.link': 'wake' } }]);
  }
  t.deepEqual(
    [...new Set((await found(receiver, 'spans below the wake', ({ parentSpanId }) => parentSpanId === wake?.spanId, 6)).map(({ name }) => name))].sort(),
    [...coldStartPhases, 'decision'].sort(),
  );
  t.deepEqual([[...receiver.exports.keys()], receiver.problems], [['grpc'], []]);
});

onLinux('a controller that loses its Lease for a moment goes on with the wake that is under way: it is served, and says what happened', async (t) => {
  t.timeout(110_000);
  const receiver = await startOtlpReceiver(t);
  const rouse = await startSeparateProcesses({ ROUSE_TRACING: 'true', OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url, OTEL_BSP_SCHEDULE_DELAY: '50' });
  t.teardown(() => rouse.close());
  const controller = await rouse.startController();
  await rouse.leads(controller);
  await rouse.startGateway(0);
  const { command, go } = await servesOn(t);
  await rouse.api('POST', '/apis/apps/v1/namespaces/default/deployments', deployment('late', { command }));
  await rouse.api('POST', '/api/v1/namespaces/default/services', service('late'));
  const late = await followSlices(rouse.api, 'late');
  t.teardown(() => late.close());
  await until('the gateway is the endpoint', () => late.targets().length === 1);
  const answer = fetch(`http://${late.targets()[0]!}/`);
  await until('it wakes', async () => (await rouse.countOf('late')).replicas === 1);
  const lease = '/apis/coordination.k8s.io/v1/namespaces/rouse-system/leases/rouse-controller';
  await rouse.api.patch(lease, { spec: { holderIdentity: 'somebody', leaseDurationSeconds: 1 } });
  const holder = async (): Promise<unknown> => ((await rouse.api('GET', lease)).body['spec'] as { readonly holderIdentity?: string }).holderIdentity;
  await until('it leads again', async () => (await holder()) !== 'somebody');
  await rouse.leads(controller);
  await go();
  t.is((await answer).status, 200);
  const [wake] = await named(receiver, 'wake');
  t.is(wake?.attributes['rouse.wake.outcome'], 'served', controller.errors());
  t.deepEqual(
    wake?.events.map(({ name }) => name),
    ['lead-lost', 'lead-regained'],
  );
});

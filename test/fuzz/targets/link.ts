import { instant, millis, seconds, ManualClock, workloadKey, type RouteSnapshot } from '../../../src/core/index.ts';
import { parseSpec } from '../../../src/core/spec/index.ts';
import { readDownMessage, readHello, readUpMessage } from '../../../src/link/index.ts';
import { createWorkloadMetrics, type WorkloadMetrics } from '../../../src/metrics/index.ts';
import { insist, notFinite } from '../insist.ts';
import type { FuzzTarget } from '../target.ts';

/** What crosses the link, and what comes of the reports. */

const web = workloadKey({ resource: 'deployments.apps', namespace: 'default', name: 'web' });

const route: RouteSnapshot['upsert'][number] = {
  workload: web,
  listeners: [{ address: undefined, port: 20_000, protocol: 'http1', target: 'http' }],
  hosts: [{ host: 'web.default.localhost', protocol: 'http1', target: 'http' }],
  pods: [
    {
      id: 'u1',
      name: 'web-1',
      address: '10.0.0.1',
      ports: { http: 8080 },
      state: 'ready',
      probe: { kind: 'http', port: 8080, path: '/', headers: { a: 'b' }, timeoutMs: 1000 },
      revision: 'r1',
    },
    { id: 'u2', name: 'web-2', address: '10.0.0.2', ports: { http: 8080 }, state: 'starting', probe: { kind: 'await-ready' }, revision: 'r1' },
  ],
  wakeFailure: { reason: 'crash-loop', message: 'again and again' },
  containerConcurrency: 10,
  holdQueueDepth: 1000,
  holdTimeoutMs: 60_000,
  waitingPage: false,
  requestTimeoutMs: 0,
  responseStartTimeoutMs: 300_000,
  idleTimeoutMs: 0,
  ignoreRequests: [{ path: '/healthz' }, { userAgent: 'kube-probe/' }],
  sessionAffinity: 'none',
};
const figures = { workload: web, averageConcurrency: 1.5, requestCount: 3, held: 1, inFlight: 2, inFlightByPod: { u1: 2 } };
const report = { sequence: 1, ageMs: 0, intervalMs: 1000, workloads: [figures] };

const messages = [
  { type: 'report', report },
  { type: 'poke', poke: { workload: web, held: 1, oldestHeldMs: 3 } },
  { type: 'firstByte', firstByte: { workload: web, podId: 'u1', heldAgeMs: 100, readyAgeMs: 3 } },
  { type: 'ack', epoch: 1, revision: 2, problems: [{ workload: web, port: 1, message: 'taken' }] },
  { type: 'leaving' },
  { type: 'welcome', version: 1, lastSequence: 3 },
  { type: 'routes', epoch: 1, snapshot: { revision: 2, full: true, upsert: [route], remove: ['default/other'] } },
  { type: 'released' },
  { versions: [1], claim: { id: 'gateway-1', address: '10.0.0.9', podName: 'g', nodeName: 'n', zone: 'z' } },
];

const messagesTarget = (): FuzzTarget => ({
  name: 'link-messages',
  format: 'json',
  corpus: messages.map((message) => JSON.stringify(message)),
  check: (input) => {
    const text = input.toString('utf8');
    for (const read of [readUpMessage, readDownMessage, readHello]) {
      const once = read(text);
      if (!once.ok) {
        insist(once.problem !== '' && once.problem.length < 10_000, 'a refusal says what is wrong', once.problem);
        continue;
      }
      insist(notFinite(once.value) === undefined, 'every number is finite', notFinite(once.value));
      const again = read(JSON.stringify(once.value));
      insist(again.ok && JSON.stringify(again.value) === JSON.stringify(once.value), 'what was read is read the same again', once.value);
    }
  },
});

const parsed = parseSpec({ workload: { 'rouse.dev/metric': 'concurrency,rps,held' } });
const spec = parsed.ok ? parsed.value.spec : undefined;

/** A step of a history of reports. */
interface Step {
  readonly gateway?: unknown;
  readonly advance?: unknown;
  readonly message?: unknown;
  readonly leaves?: unknown;
}

const step = (
  clock: ManualClock,
  metrics: WorkloadMetrics,
  wall: { offset: number },
  { gateway, advance, message, leaves }: Step,
): Promise<void> | undefined => {
  const id = typeof gateway === 'string' ? gateway : 'a';
  if (leaves === true || leaves === false) metrics.gatewayLeft(id, leaves);
  else {
    metrics.gatewayJoined(id);
    const read = readUpMessage(JSON.stringify(message ?? null));
    if (read.ok && read.value.type === 'report') metrics.ingest(id, read.value.report, instant(clock.now() + wall.offset));
    if (read.ok && read.value.type === 'poke') metrics.poke(id, read.value.poke);
  }
  if (typeof advance !== 'number' || !Number.isFinite(advance)) return undefined;
  if (advance < 0) wall.offset += Math.max(advance, -1e12);
  return advance < 0 ? undefined : clock.advance(millis(Math.min(advance, 1e7)));
};

const history = (count: number, pace: number): string =>
  JSON.stringify(
    Array.from({ length: count }, (_, index) => ({
      gateway: index % 3 === 0 ? 'b' : 'a',
      advance: pace,
      message: {
        type: 'report',
        report: { ...report, sequence: index, ageMs: index % 5 === 0 ? 2500 : 0, workloads: [{ ...figures, averageConcurrency: index }] },
      },
    })),
  );

const reportsTarget = (): FuzzTarget => ({
  name: 'reports',
  format: 'json',
  corpus: [
    history(8, 500),
    history(70, 1000),
    JSON.stringify([
      { gateway: 'a', message: messages[1], advance: -5000 },
      { gateway: 'a', leaves: false },
      { gateway: 'b', leaves: true },
    ]),
  ],
  check: async (input) => {
    let steps: unknown;
    try {
      steps = JSON.parse(input.toString('utf8'));
    } catch {
      return;
    }
    if (!Array.isArray(steps) || spec === undefined) return;
    const clock = new ManualClock(instant(1_700_000_000_000));
    const metrics = createWorkloadMetrics({ clock, absentAfter: seconds(3) });
    const wall = { offset: 0 };
    for (const each of (steps as readonly unknown[]).slice(0, 500)) {
      if (typeof each !== 'object' || each === null) continue;
      await step(clock, metrics, wall, each);
      const load = metrics.observe(web, spec, instant(clock.now() + wall.offset));
      insist(notFinite(load) === undefined, 'every figure stays finite', notFinite(load));
      insist(load.held >= 0 && load.inFlight >= 0 && load.absentGateways >= 0, 'counts are not negative', load);
      for (const reading of load.metrics)
        if (reading.kind === 'value') insist(reading.stable >= 0 && reading.panic >= 0 && reading.age >= 0, 'no reading is negative', reading);
    }
  },
});

export const linkTargets = [messagesTarget, reportsTarget];

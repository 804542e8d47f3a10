// The controller's end of the link with many workloads: publishes routes, takes reports into windows. Commands come by line: `change N` (N single changes a second), then figures.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createInterface } from 'node:readline';
import { instant, silentLogger, systemClock, workloadKey, type WorkloadKey, type WorkloadRoute } from '../../../../src/core/index.ts';
import { createLinkServer } from '../../../../src/link/index.ts';
import { createWorkloadMetrics } from '../../../../src/metrics/index.ts';

const [workloads = 5000, firstPort = 20_000, podPort = 0] = process.argv.slice(2).map(Number);
const keyOf = (index: number): WorkloadKey => workloadKey({ resource: 'deployments.apps', namespace: `team-${index % 50}`, name: `app-${index}` });

const routeOf = (index: number, generation: number): WorkloadRoute => ({
  workload: keyOf(index),
  listeners: [{ address: undefined, port: firstPort + index, protocol: 'http1', target: 'http' }],
  hosts: [{ host: `app-${index}.example.com`, protocol: 'http1', target: 'http' }],
  pods: [0, 1].map((pod) => ({
    id: `pod-${index}-${pod}-${pod === 0 ? generation : 0}`,
    name: `app-${index}-${pod}`,
    address: '127.0.0.1',
    ports: { http: podPort },
    state: 'ready',
    probe: { kind: 'tcp', port: podPort, timeoutMs: 1000 },
    revision: 'a',
  })),
  wakeFailure: undefined,
  containerConcurrency: undefined,
  holdQueueDepth: 1000,
  holdTimeoutMs: 60_000,
  waitingPage: false,
  requestTimeoutMs: 0,
  responseStartTimeoutMs: 300_000,
  idleTimeoutMs: 0,
  ignoreRequests: [{ userAgent: 'kube-probe/' }],
  sessionAffinity: 'none',
});

const metrics = createWorkloadMetrics({ clock: systemClock });
const link = createLinkServer({
  clock: systemClock,
  logger: silentLogger,
  authenticate: (_token, claim) =>
    Promise.resolve({ address: claim.address ?? '127.0.0.1', podName: claim.podName, podUid: undefined, nodeName: undefined, zone: undefined }),
  listener: {
    report: (gateway, report) => metrics.ingest(gateway.id, report, instant(Date.now())),
    poke: (gateway, poke) => metrics.poke(gateway.id, poke),
    firstByte: () => undefined,
    joined: (gateway) => metrics.gatewayJoined(gateway.id),
    gone: (gateway, how) => metrics.gatewayLeft(gateway.id, how === 'left'),
  },
});
const server = createServer();
link.attach(server);
link.lead(1);
link.publish({ full: true, upsert: Array.from({ length: workloads }, (_, index) => routeOf(index, 0)), remove: [] });
server.listen(0, '127.0.0.1', () => process.stdout.write(`port ${(server.address() as AddressInfo).port}\n`));

let changes: NodeJS.Timeout | undefined;
let generation = 0;
createInterface({ input: process.stdin }).on('line', (line) => {
  const [command, number = ''] = line.split(' ');
  if (command !== 'change') return;
  clearInterval(changes);
  const perSecond = Number(number);
  if (perSecond > 0)
    changes = setInterval(() => {
      generation += 1;
      link.publish({ upsert: [routeOf(generation % workloads, generation)], remove: [] });
    }, 1000 / perSecond);
  process.stdout.write(
    `acknowledged ${link
      .gateways()
      .map(({ acknowledged }) => acknowledged)
      .join()} of ${link.revision}\n`,
  );
});

import { instant, pods, workloadKey, type Decision, type DecisionReason, type GatewayCode, type WorkloadKey } from '../../src/core/index.ts';
import {
  createControllerInstruments,
  type ControllerFigures,
  type ControllerInstruments,
  type GatewayFigures,
  type WorkloadFigures,
} from '../../src/metrics/index.ts';
import { concurrencyOf, start } from './decision-inputs.ts';

type ValueOf<Map> = Map extends ReadonlyMap<unknown, infer Value> ? Value : never;
type GatewayWorkloadFigures = ValueOf<GatewayFigures['workloads']>;
type RevisionFigures = GatewayWorkloadFigures['revisions'] extends Iterable<infer Each> ? Each : never;
type Histogram = GatewayWorkloadFigures['holdSeconds'];

export const web = workloadKey({ resource: 'deployments.apps', namespace: 'shop', name: 'web' });
export const queue = workloadKey({ resource: 'statefulsets.apps', namespace: 'shop', name: 'queue' });

/** With bounds at 0.1 and 1. */
export const histogram = (...values: readonly number[]): Histogram => ({
  bounds: [0.1, 1],
  counts: [
    values.filter((value) => value <= 0.1).length,
    values.filter((value) => value > 0.1 && value <= 1).length,
    values.filter((value) => value > 1).length,
  ],
  sum: values.reduce((sum, value) => sum + value, 0),
  count: values.length,
});

/** The lines of an exposition that are no comments. */
export const series = (body: string): readonly string[] => body.split('\n').filter((line) => line !== '' && !line.startsWith('#'));

export const quiet: GatewayWorkloadFigures = {
  revisions: [],
  inFlight: 0,
  held: 0,
  heldBytes: 0,
  refused: new Map(),
  holdSeconds: histogram(),
  aborted: { client: { none: 0, begun: 0 }, pod: { none: 0, begun: 0 }, gateway: { none: 0, begun: 0 } },
  ignored: 0,
  pokes: 0,
  connectFailures: 0,
  retries: 0,
  retriesOverBudget: 0,
  ejections: new Map(),
  ejectedPods: 0,
  podConnections: { open: 0, idle: 0, opened: 0 },
};
export const revision = (name: string, requests: readonly (readonly [number, number])[], bytes: number, durationSeconds: Histogram): RevisionFigures => ({
  revision: name,
  requests: new Map(requests),
  durationSeconds,
  requestBytes: bytes,
  responseBytes: 2 * bytes,
});

/** A gateway that has something to say in each of its metrics. */
export const gatewayFigures = (): GatewayFigures => ({
  workloads: new Map<WorkloadKey, GatewayWorkloadFigures>([
    [
      web,
      {
        ...quiet,
        revisions: [revision('', [[503, 1]], 0, histogram(5)), revision('6f9c', [[200, 7]], 70, histogram(0.05, 0.5)), revision('fresh', [], 0, histogram())],
        inFlight: 3,
        held: 2,
        heldBytes: 32_768,
        refused: new Map<GatewayCode, number>([['hold-queue-full', 1]]),
        holdSeconds: histogram(0.05, 0.5, 5),
        aborted: { client: { none: 1, begun: 2 }, pod: { none: 3, begun: 4 }, gateway: { none: 0, begun: 5 } },
        ignored: 6,
        pokes: 7,
        connectFailures: 8,
        retries: 4,
        retriesOverBudget: 1,
        ejections: new Map([['connect', 2]]),
        ejectedPods: 1,
        podConnections: { open: 5, idle: 2, opened: 9 },
      },
    ],
    [queue, { ...quiet, revisions: [revision('1', [[0, 4]], 10, histogram())] }],
  ]),
  all: () =>
    Promise.resolve({
      ...quiet,
      revisions: [
        revision(
          '',
          [
            [200, 9],
            [404, 1],
          ],
          90,
          histogram(0.05, 0.5, 5),
        ),
      ],
      inFlight: 3,
      held: 2,
      refused: new Map<GatewayCode, number>([
        ['hold-queue-full', 1],
        ['unknown-host', 2],
      ]),
      holdSeconds: histogram(0.05, 0.5, 5),
      ejections: new Map([['connect', 2]]),
      podConnections: { open: 5, idle: 2, opened: 9 },
    }),
  perWorkloadMetrics: 5000,
  unrouted: new Map<GatewayCode, number>([['unknown-host', 5]]),
  rejectedConnections: new Map([['plain-http', 2]]),
  certificates: new Map([
    ['tls.crt', { notAfter: instant(Date.UTC(2030, 0, 1)), valid: 1 as const }],
    ['shop/tls.crt', { notAfter: undefined, valid: 0 as const }],
  ]),
  routesValid: 1,
  holdBudget: { bytes: 163_840_000, usedBytes: 32_768 },
  connections: 11,
  accessLog: { written: 12, dropped: 1 },
  controllersLinked: 2,
});

export const processFigures = { cpuSeconds: 1.5, residentBytes: 90_000_000, heapUsedBytes: 30_000_000, startSeconds: 1_700_000_000, loopBusySeconds: 0.25 };

const decision: Decision = {
  kind: 'hold',
  to: pods(2),
  at: start,
  reason: 'steady',
  excessBurstCapacity: 0,
  evidence: {
    demands: [
      { reading: concurrencyOf(12, 15), target: 70, stablePods: 1, panicPods: 1 },
      { reading: { metric: 'rps', kind: 'no-data', age: undefined }, target: 70, stablePods: 0, panicPods: 0 },
    ],
    steps: [],
    panicking: false,
    wanted: 2,
    replicas: pods(2),
    ready: pods(2),
    starting: pods(0),
    held: 0,
    inFlight: 0,
  },
};
export const decisionFor = (reason: DecisionReason, evidence: Partial<Decision['evidence']> = {}): Decision => ({
  ...decision,
  reason,
  evidence: { ...decision.evidence, ...evidence },
});

export const workload = (key: WorkloadKey, changed: Partial<WorkloadFigures> = {}): WorkloadFigures => ({
  key,
  desired: 2,
  ready: 1,
  starting: 1,
  min: 0,
  max: 10,
  replicasBefore: 3,
  settingsValid: true,
  wakeFailure: 'quota',
  decision,
  ...changed,
});

/** A controller that has something to say in each of its metrics. */
export const controllerOf = (workloads: readonly WorkloadFigures[]): ControllerFigures => ({
  version: '1.2.3',
  workloads,
  refused: 1,
  mostWorkloads: 5000,
  leader: true,
  configValid: true,
  drops: { late: 0, doubled: 0, invalid: 3, unknownGateway: 0, overLimit: 0 },
  budget: [{ namespace: 'shop', limit: 5, used: 4, wanted: 7 }],
  usageReads: new Map([['ok', 4]]),
  watches: [
    { resource: 'pods', inTouch: true, lastHeardSeconds: 1_700_000_000.5 },
    { resource: 'services', inTouch: false, lastHeardSeconds: undefined },
  ],
  gateways: { current: 2, behind: 1, leaving: 0 },
  certificates: new Map([['serving', 1_893_456_000]]),
  process: processFigures,
  extender: {
    answers: new Map([['prioritize', new Map([['scored', 7]])]]),
    durationSeconds: new Map([['prioritize', { bounds: [0.001, 0.01], counts: [4, 3, 1], sum: 0.06, count: 8 }]]),
  },
});

export interface ControllerScene {
  readonly instruments: ControllerInstruments;
  /** On the monotonic clock, in ms. */
  now: number;
  leads: boolean;
  figures: ControllerFigures;
}

export const controllerScene = (workloads: readonly WorkloadFigures[]): ControllerScene => {
  const scene: ControllerScene = {
    now: 0,
    leads: true,
    figures: controllerOf(workloads),
    instruments: createControllerInstruments({ read: () => scene.figures, monotonicMs: () => scene.now, leads: () => scene.leads }),
  };
  return scene;
};

/** Every metric has a series afterwards. */
export const sayEverything = (instruments: ControllerInstruments): void => {
  instruments.decided(web, decision, 3);
  instruments.woken(web);
  instruments.coldStarted(web, { decide: 2, schedule: 3, start: 58, ready: 28, forward: 5 });
  instruments.ticked(12);
  instruments.reconciled(3, 'done');
  instruments.reviewed('mutate', 'changed', 2);
};

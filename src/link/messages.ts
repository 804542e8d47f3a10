import {
  areLatencyCounts,
  failed,
  mostCidrs,
  parseCidrs,
  parseWorkloadKey,
  protocols,
  wakeFailures,
  type FirstByte,
  type GatewayId,
  type GatewaySettings,
  type HostRoute,
  type IgnoreRule,
  type LatencyCounts,
  type ListenerRoute,
  type PodProbe,
  type PodRoute,
  type Poke,
  type Report,
  type Result,
  type RevisionReport,
  type RouteSnapshot,
  type WakeFailureReason,
  type WorkloadKey,
  type WorkloadReport,
  type WorkloadRoute,
} from '../core/index.ts';
import { amount, checked, flag, list, oneOf, optional, parsed, readAll, record, shape, text, union, whole, type Read } from './reading.ts';

/**
 * Everything that crosses the link, as JSON text frames of a WebSocket. A gateway offers the versions that it speaks in the upgrade request;
 * the controller picks the newest that both know. A new version is added at the front, and the one before it stays understood.
 */
export const linkVersions: readonly number[] = [1];

/** What a gateway says of itself in the upgrade request. Only `id` is taken at its word; the rest is for `authenticate` to confirm or to replace. */
export interface GatewayClaim {
  readonly id: string;
  /** Where clients reach its listeners (local mode and gateways outside a cluster). */
  readonly address: string | undefined;
  readonly podName: string | undefined;
  readonly nodeName: string | undefined;
  readonly zone: string | undefined;
  readonly worker?: WorkerClaim | undefined;
}

/** Of a gateway that consists of several processes, each with a link of its own. They share the listening sockets, so that together they are one endpoint. */
export interface WorkerClaim {
  /** The same for all of them, another after a restart of the whole. */
  readonly gateway: string;
  readonly index: number;
  /** How many there are to be. */
  readonly workers?: number | undefined;
  /** Ids of workers of this gateway that are known to have ended without a word: what they had in flight is over. */
  readonly ended: readonly GatewayId[];
}

export interface Hello {
  readonly versions: readonly number[];
  readonly claim: GatewayClaim;
}

/** What a gateway could not do of a route, though it applied the rest: a port that is taken, a protocol that it does not speak. */
export interface RouteProblem {
  readonly workload: WorkloadKey;
  readonly port: number | undefined;
  readonly message: string;
}

/** Up: from a gateway to a controller. `leaving`: take me out of everything, then answer `released`. `left`: I am done, this is no failure. */
export type UpMessage =
  | { readonly type: 'report'; readonly report: Report }
  | { readonly type: 'poke'; readonly poke: Poke }
  | { readonly type: 'firstByte'; readonly firstByte: FirstByte }
  | {
      readonly type: 'ack';
      readonly epoch: number;
      readonly revision: number;
      readonly problems: readonly RouteProblem[];
      /** See `GatewayInfo`. Said again, with the same revision, when it has become less. */
      readonly permitsInUse?: Readonly<Record<string, number>> | undefined;
    }
  | { readonly type: 'leaving' }
  | { readonly type: 'left' };

/** Down: from a controller to a gateway. `lastSequence`: the newest report of this gateway that the controller already has. `epoch` rises with each change of leader. */
export type DownMessage =
  | { readonly type: 'welcome'; readonly version: number; readonly lastSequence: number }
  | { readonly type: 'routes'; readonly epoch: number; readonly snapshot: RouteSnapshot }
  | { readonly type: 'released' };

const name = text(256);
const mostWorkloads = 20_000;
const mostPods = 10_000;
const mostLimitedPods = 200_000;
const mostGateways = 10_000;
const mostRevisions = 1000;
const anAge = amount(1e9);
const port = whole(65_535);
const key: Read<WorkloadKey> = parsed(
  (value) => (value.length <= 1024 && parseWorkloadKey(value) !== undefined ? (value as WorkloadKey) : undefined),
  'namespace/name or namespace/resource.group/name',
);

const latencyCounts: Read<LatencyCounts> = checked(list(whole(), 2 * 1024), areLatencyCounts, 'numbers of buckets, rising, each with a count');
const revisionReport = shape<RevisionReport>({
  revision: name,
  averageConcurrency: amount(1e9),
  requestCount: whole(1e9),
  latency: latencyCounts,
  requestBytes: whole(),
  responseBytes: whole(),
});
const workloadReport = shape<WorkloadReport>({
  workload: key,
  averageConcurrency: amount(1e9),
  requestCount: whole(1e9),
  held: whole(1e9),
  inFlight: whole(1e9),
  inFlightByPod: record(whole(1e9), mostPods),
  revisions: optional(list(revisionReport, mostRevisions)),
});
const report = shape<Report>({ sequence: whole(), ageMs: anAge, intervalMs: amount(3_600_000), workloads: list(workloadReport, mostWorkloads) });
const poke = shape<Poke>({ workload: key, held: whole(1e9), oldestHeldMs: anAge });
const firstByte = shape<FirstByte>({ workload: key, podId: name, heldAgeMs: anAge, readyAgeMs: anAge });
const problem = shape<RouteProblem>({ workload: key, port: optional(port), message: text(4096) });

const only = <const Name extends string>(type: Name): Read<{ readonly type: Name }> => shape<{ readonly type: Name }>({ type: oneOf([type]) });

const upMessage = union<UpMessage>(
  'type',
  new Map<string, Read<UpMessage>>([
    ['report', shape({ type: oneOf(['report']), report })],
    ['poke', shape({ type: oneOf(['poke']), poke })],
    ['firstByte', shape({ type: oneOf(['firstByte']), firstByte })],
    [
      'ack',
      shape({
        type: oneOf(['ack']),
        epoch: whole(),
        revision: whole(),
        problems: list(problem, mostWorkloads),
        permitsInUse: optional(record(whole(1e6), mostLimitedPods)),
      }),
    ],
    ['leaving', only('leaving')],
    ['left', only('left')],
  ]),
);

const probe = union<PodProbe>(
  'kind',
  new Map<string, Read<PodProbe>>([
    ['http', shape({ kind: oneOf(['http']), port, path: text(8192), headers: record(text(8192), 100), timeoutMs: amount(3_600_000) })],
    ['tcp', shape({ kind: oneOf(['tcp']), port, timeoutMs: amount(3_600_000) })],
    ['await-ready', shape({ kind: oneOf(['await-ready']) })],
  ]),
);
const protocol = oneOf(protocols);
const pod = shape<PodRoute>({
  id: name,
  name,
  address: name,
  ports: record(port, 1000),
  state: oneOf(['starting', 'ready', 'terminating']),
  probe,
  revision: name,
  zone: optional(name),
  permits: optional(record(whole(1e6), mostGateways)),
});
const listener = shape<ListenerRoute>({ address: optional(name), port, protocol, target: name });
const host = shape<HostRoute>({ host: name, protocol, target: name });
/** The three fields of a rule are absent rather than undefined; `shape` leaves them out. */
const ignoreRule: Read<IgnoreRule> = shape<Record<keyof IgnoreRule, string | undefined>>({
  path: optional(text(8192)),
  userAgent: optional(text(8192)),
  header: optional(name),
}) as Read<IgnoreRule>;
const failureNames = Object.keys(wakeFailures) as WakeFailureReason[];
const aTimeout = amount(86_400_000);
const route = shape<WorkloadRoute>({
  workload: key,
  listeners: list(listener, 1000),
  hosts: list(host, 1000),
  pods: list(pod, mostPods),
  wakeFailure: optional(shape({ reason: oneOf(failureNames), message: text(4096) })),
  wakeContext: optional(text(64)),
  containerConcurrency: optional(whole(1e6)),
  holdQueueDepth: whole(1e6),
  holdTimeoutMs: aTimeout,
  waitingPage: flag,
  requestTimeoutMs: aTimeout,
  responseStartTimeoutMs: aTimeout,
  idleTimeoutMs: aTimeout,
  ignoreRequests: list(ignoreRule, 100),
  sessionAffinity: oneOf(['none', 'client-ip']),
});
const cidr = parsed((item) => (parseCidrs(item).ok ? item : undefined), 'a CIDR');
const settings = shape<GatewaySettings>({ trustedProxies: list(cidr, mostCidrs), accessLog: oneOf(['off', 'json']), perWorkloadMetrics: optional(whole()) });
const snapshot = shape<RouteSnapshot>({
  revision: whole(),
  full: flag,
  upsert: list(route, mostWorkloads),
  remove: list(key, mostWorkloads),
  settings: optional(settings),
});

const downMessage = union<DownMessage>(
  'type',
  new Map<string, Read<DownMessage>>([
    ['welcome', shape({ type: oneOf(['welcome']), version: whole(1000), lastSequence: whole() })],
    ['routes', shape({ type: oneOf(['routes']), epoch: whole(), snapshot })],
    ['released', only('released')],
  ]),
);

const mostWorkers = 1000;
const id = parsed((text) => (/^[\w.:-]{1,128}$/.test(text) ? text : undefined), '1 to 128 letters, digits or one of . : _ -');
const worker = shape<WorkerClaim>({ gateway: id, index: whole(mostWorkers), workers: optional(whole(mostWorkers)), ended: list(id, mostWorkers) });
const hello = shape<Hello>({
  versions: list(whole(1000), 10),
  claim: shape<GatewayClaim>({
    id,
    address: optional(name),
    podName: optional(name),
    nodeName: optional(name),
    zone: optional(name),
    worker: optional(worker),
  }),
});

const fromJson =
  <T>(read: Read<T>) =>
  (json: string): Result<T, string> => {
    let value: unknown;
    try {
      value = JSON.parse(json);
    } catch {
      return failed('message: want JSON');
    }
    return readAll(read, value);
  };

export const readUpMessage: (json: string) => Result<UpMessage, string> = fromJson(upMessage);
export const readDownMessage: (json: string) => Result<DownMessage, string> = fromJson(downMessage);
export const readHello: (json: string) => Result<Hello, string> = fromJson(hello);

/** The newest version that both sides speak; undefined if there is none. */
export const pickVersion = (offered: readonly number[], spoken: readonly number[]): number | undefined => {
  const common = offered.filter((version) => spoken.includes(version));
  return common.length === 0 ? undefined : Math.max(...common);
};

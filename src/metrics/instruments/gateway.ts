import { gatewayCodes, type GatewayCode, type WorkloadKey } from '../../core/index.ts';
import { exposeHistogram, type Labels, type PlainHistogram } from './histogram.ts';
import { expositionOf, limited, mostWorkloads, workloadLabels, type Exposition, type PlainMetric, type Samples } from './series.ts';
import { edgePortMetrics, type EdgePortFigures } from './edge-ports.ts';

/** What the pods of one revision did; the one without a name is for requests that were never given to a pod. */
export interface RevisionFigures {
  readonly revision: string;
  /** Each request once, by the status that the client got. */
  readonly requests: ReadonlyMap<number, number>;
  readonly durationSeconds: PlainHistogram;
  /** Content of bodies, and what went over upgraded and TCP connections. */
  readonly requestBytes: number;
  readonly responseBytes: number;
}

/** What a gateway counts of one workload. */
export interface GatewayWorkloadFigures {
  readonly revisions: Iterable<RevisionFigures>;
  readonly inFlight: number;
  readonly held: number;
  /** What of the hold budget they take. */
  readonly heldBytes: number;
  /** Answers of the gateway's own. */
  readonly refused: ReadonlyMap<GatewayCode, number>;
  readonly holdSeconds: PlainHistogram;
  /** By who broke it off, and whether the answer had begun. */
  readonly aborted: Readonly<Record<'client' | 'pod' | 'gateway', { readonly none: number; readonly begun: number }>>;
  readonly ignored: number;
  readonly pokes: number;
  readonly connectFailures: number;
  /** Requests sent to a pod once more, and those that went there only later, since there were too many. */
  readonly retries: number;
  readonly retriesOverBudget: number;
  /** By reason; and how many pods are out at the moment. */
  readonly ejections: ReadonlyMap<string, number>;
  readonly ejectedPods: number;
  readonly podConnections: { readonly open: number; readonly idle: number; readonly opened: number };
}

/** What a gateway counts, as it is read at each scrape; the gateway itself knows nothing of Prometheus. A workload that is gone is gone from here. */
export interface GatewayFigures extends EdgePortFigures {
  readonly workloads: ReadonlyMap<WorkloadKey, GatewayWorkloadFigures>;
  /** Requests that belong to no workload. */
  readonly unrouted: ReadonlyMap<GatewayCode, number>;
  readonly routesValid: 0 | 1;
  /** What may be held for all workloads together, and what of that is taken. */
  readonly holdBudget: { readonly bytes: number; readonly usedBytes: number };
  /** Of clients, open now. */
  readonly connections: number;
  /** Lines. */
  readonly accessLog: { readonly written: number; readonly dropped: number };
}

export interface GatewayInstruments {
  expose(): Promise<Exposition>;
}

const labels = ['namespace', 'workload'] as const;

/** Knative's `response_code_class`; a TCP connection has no status, so no class. */
const classOf = (status: number): string => (status >= 100 && status <= 599 ? `${Math.floor(status / 100)}xx` : 'none');
const codeLabels = (status: number): Labels => ({ code: String(status), code_class: classOf(status) });
const noWorkload = { namespace: '', workload: '' };

/** The metrics of a gateway, but for histograms. */
const metricsOf = (read: () => GatewayFigures, each: () => Iterable<readonly [Labels, GatewayWorkloadFigures]>): readonly PlainMetric[] => {
  const one = (figure: (figures: GatewayFigures) => number) => (): Samples => [{ labels: {}, value: figure(read()) }];
  const perWorkload = (figure: (figures: GatewayWorkloadFigures) => number) =>
    function* (): Samples {
      for (const [of, figures] of each()) yield { labels: of, value: figure(figures) };
    };
  function* requests(): Samples {
    for (const [of, { revisions }] of each())
      for (const { revision, requests: byCode } of revisions)
        for (const [code, value] of byCode) yield { labels: { ...of, revision, ...codeLabels(code) }, value };
    for (const [code, value] of read().unrouted) yield { labels: { ...noWorkload, revision: '', ...codeLabels(gatewayCodes[code]) }, value };
  }
  function* ejections(): Samples {
    for (const [of, figures] of each()) for (const [reason, value] of figures.ejections) yield { labels: { ...of, reason }, value };
  }
  function* refused(): Samples {
    for (const [of, figures] of each()) for (const [reason, value] of figures.refused) yield { labels: { ...of, reason }, value };
    for (const [reason, value] of read().unrouted) yield { labels: { ...noWorkload, reason }, value };
  }
  // From 0, also before the first request: by these `workers.ts` knows which revisions there are.
  const perRevision = (figure: (figures: RevisionFigures) => number) =>
    function* (): Samples {
      for (const [of, { revisions }] of each())
        for (const figures of revisions) yield { labels: { ...of, revision: figures.revision }, value: figure(figures) };
    };
  function* aborted(): Samples {
    for (const [of, figures] of each())
      for (const by of ['client', 'pod', 'gateway'] as const)
        for (const answer of ['none', 'begun'] as const) yield { labels: { ...of, by, answer }, value: figures.aborted[by][answer] };
  }
  function* podConnections(): Samples {
    for (const [
      of,
      {
        podConnections: { open, idle },
      },
    ] of each()) {
      yield { labels: { ...of, state: 'active' }, value: open - idle };
      yield { labels: { ...of, state: 'idle' }, value: idle };
    }
  }
  return [
    {
      name: 'rouse_gateway_requests_total',
      help: 'Requests by status, each once however often it was tried; held and refused ones too. Without a workload: unknown hosts and unreadable requests.',
      type: 'counter',
      labels: [...labels, 'revision', 'code', 'code_class'],
      samples: requests,
    },
    {
      name: 'rouse_gateway_request_bytes_total',
      help: 'Content of request bodies, and what clients sent over upgraded and TCP connections.',
      type: 'counter',
      labels: [...labels, 'revision'],
      samples: perRevision(({ requestBytes }) => requestBytes),
    },
    {
      name: 'rouse_gateway_response_bytes_total',
      help: 'Content of the bodies of pods’ answers, and what pods sent over upgraded and TCP connections.',
      type: 'counter',
      labels: [...labels, 'revision'],
      samples: perRevision(({ responseBytes }) => responseBytes),
    },
    {
      name: 'rouse_gateway_in_flight',
      help: 'Requests in pods and open upgraded connections.',
      type: 'gauge',
      labels,
      samples: perWorkload(({ inFlight }) => inFlight),
    },
    { name: 'rouse_gateway_held_requests', help: 'Requests that wait for capacity.', type: 'gauge', labels, samples: perWorkload(({ held }) => held) },
    {
      name: 'rouse_gateway_refused_requests_total',
      help: 'Requests that the gateway answered by itself, by the code of the answer.',
      type: 'counter',
      labels: [...labels, 'reason'],
      samples: refused,
    },
    {
      name: 'rouse_gateway_aborted_requests_total',
      help: 'Requests that were broken off, by whom, and whether the answer had begun. What a time limit or a drain cuts before that is a refusal.',
      type: 'counter',
      labels: [...labels, 'by', 'answer'],
      samples: aborted,
    },
    {
      name: 'rouse_gateway_ignored_requests_total',
      help: 'Requests that rouse.dev/ignore-requests names; they are in no other figure.',
      type: 'counter',
      labels,
      samples: perWorkload(({ ignored }) => ignored),
    },
    {
      name: 'rouse_gateway_pokes_total',
      help: 'Times that the controllers were told that requests wait.',
      type: 'counter',
      labels,
      samples: perWorkload(({ pokes }) => pokes),
    },
    {
      name: 'rouse_gateway_pod_connections',
      help: 'HTTP connections to pods: those that carry a request, and those that wait for one.',
      type: 'gauge',
      labels: [...labels, 'state'],
      samples: podConnections,
    },
    {
      name: 'rouse_gateway_pod_connections_opened_total',
      help: 'HTTP connections to pods that were begun.',
      type: 'counter',
      labels,
      samples: perWorkload(({ podConnections: { opened } }) => opened),
    },
    {
      name: 'rouse_gateway_connect_failures_total',
      help: 'Requests that found no connection to their pod, and went to another or back to waiting.',
      type: 'counter',
      labels,
      samples: perWorkload(({ connectFailures }) => connectFailures),
    },
    {
      name: 'rouse_gateway_retries_total',
      help: 'Requests that were sent to a pod once more: no connection could be made, a kept one was dead, or the pod did not take them on.',
      type: 'counter',
      labels,
      samples: perWorkload(({ retries }) => retries),
    },
    {
      name: 'rouse_gateway_retries_over_budget_total',
      help: 'Of those: put off, since more than 100 and a fifth of the requests within 10 s were retries.',
      type: 'counter',
      labels,
      samples: perWorkload(({ retriesOverBudget }) => retriesOverBudget),
    },
    {
      name: 'rouse_gateway_pod_ejections_total',
      help: 'Pods taken out until a probe succeeds: connect (no connection could be made), closed (it ended one before it took a request), protocol (it does not speak HTTP/2 where h2c or grpc is asked for) or broke-off (several answers in a row broke off).',
      type: 'counter',
      labels: [...labels, 'reason'],
      samples: ejections,
    },
    {
      name: 'rouse_gateway_ejected_pods',
      help: 'Pods that are not used until a probe succeeds.',
      type: 'gauge',
      labels,
      samples: perWorkload(({ ejectedPods }) => ejectedPods),
    },
    {
      name: 'rouse_gateway_held_bytes',
      help: 'What held requests take of the budget of the gateway: their memory, in steps of 16 KiB.',
      type: 'gauge',
      labels,
      samples: perWorkload(({ heldBytes }) => heldBytes),
    },
    {
      name: 'rouse_gateway_hold_budget_used_bytes',
      help: 'What the held requests of all workloads take of the budget.',
      type: 'gauge',
      labels: [],
      samples: one(({ holdBudget }) => holdBudget.usedBytes),
    },
    {
      name: 'rouse_gateway_hold_budget_bytes',
      help: 'The budget: over it, the workload that holds the most loses its newest request.',
      type: 'gauge',
      labels: [],
      samples: one(({ holdBudget }) => holdBudget.bytes),
    },
    { name: 'rouse_gateway_connections', help: 'Connections of clients.', type: 'gauge', labels: [], samples: one(({ connections }) => connections) },
    {
      name: 'rouse_gateway_access_log_lines_total',
      help: 'Lines of the access log, and those that were dropped since nobody took them from standard output.',
      type: 'counter',
      labels: ['outcome'],
      samples: () => Object.entries(read().accessLog).map(([outcome, value]) => ({ labels: { outcome }, value })),
    },
    ...edgePortMetrics(read),
    {
      name: 'rouse_gateway_routes_valid',
      help: '1 while the newest routes were taken, 0 after a routes file that was refused.',
      type: 'gauge',
      labels: [],
      samples: one(({ routesValid }) => routesValid),
    },
  ];
};

/** The metrics of a gateway (docs/reference/metrics.md). */
export const createGatewayInstruments = (read: () => GatewayFigures, most = mostWorkloads): GatewayInstruments => {
  function* each(): Iterable<readonly [Labels, GatewayWorkloadFigures]> {
    for (const [key, figures] of limited(read().workloads, most)) yield [workloadLabels(key), figures];
  }
  function* holds(): Iterable<{ readonly labels: Labels; readonly histogram: PlainHistogram }> {
    for (const [of, { holdSeconds }] of each()) yield { labels: of, histogram: holdSeconds };
  }
  function* durations(): Iterable<{ readonly labels: Labels; readonly histogram: PlainHistogram }> {
    for (const [of, { revisions }] of each())
      for (const { revision, durationSeconds } of revisions) if (durationSeconds.count > 0) yield { labels: { ...of, revision }, histogram: durationSeconds };
  }
  return {
    expose: expositionOf(
      metricsOf(read, each),
      () => exposeHistogram('rouse_gateway_hold_seconds', 'How long requests were held.', holds()),
      () =>
        exposeHistogram(
          'rouse_gateway_request_duration_seconds',
          'Requests from arrival to the end of the answer, time in the queue included. Without upgraded and TCP connections.',
          durations(),
        ),
    ),
  };
};

import { gatewayCodes, type GatewayCode, type WorkloadKey } from '../../core/index.ts';
import { exposeHistogram, type PlainHistogram } from './histogram.ts';
import { expositionOf, limited, mostWorkloads, workloadLabels, type Exposition, type Samples } from './series.ts';
import { sharedPortMetrics, type SharedPortFigures } from './shared-ports.ts';

/** What a gateway counts, as it is read at each scrape; the gateway itself knows nothing of Prometheus. A workload that is gone is gone from here. */
export interface GatewayFigures extends SharedPortFigures {
  readonly workloads: ReadonlyMap<
    WorkloadKey,
    {
      /** Each request once, by the status that the client got. */
      readonly requests: ReadonlyMap<number, number>;
      readonly inFlight: number;
      readonly held: number;
      /** What of the hold budget they take. */
      readonly heldBytes: number;
      /** Answers of the gateway's own. */
      readonly refused: ReadonlyMap<GatewayCode, number>;
      readonly holdSeconds: PlainHistogram;
    }
  >;
  /** Requests that belong to no workload. */
  readonly unrouted: ReadonlyMap<GatewayCode, number>;
  readonly routesValid: 0 | 1;
  /** What may be held for all workloads together, and what of that is taken. */
  readonly holdBudget: { readonly bytes: number; readonly usedBytes: number };
}

export interface GatewayInstruments {
  expose(): Promise<Exposition>;
}

const labels = ['namespace', 'workload'] as const;

/** The metrics of a gateway (docs/reference/annotations.md lists the names that outsiders may rely on). */
export const createGatewayInstruments = (read: () => GatewayFigures, most = mostWorkloads): GatewayInstruments => {
  const each = (): Iterable<readonly [WorkloadKey, NonNullable<ReturnType<GatewayFigures['workloads']['get']>>]> => limited(read().workloads, most);
  function* requests(): Samples {
    for (const [key, { requests: byCode }] of each())
      for (const [code, value] of byCode) yield { labels: { ...workloadLabels(key), code: String(code) }, value };
    for (const [code, value] of read().unrouted) yield { labels: { namespace: '', workload: '', code: String(gatewayCodes[code]) }, value };
  }
  function* refused(): Samples {
    for (const [key, figures] of each()) for (const [reason, value] of figures.refused) yield { labels: { ...workloadLabels(key), reason }, value };
    for (const [reason, value] of read().unrouted) yield { labels: { namespace: '', workload: '', reason }, value };
  }
  function* gauge(figure: 'inFlight' | 'held' | 'heldBytes'): Samples {
    for (const [key, figures] of each()) yield { labels: workloadLabels(key), value: figures[figure] };
  }
  function* holds(): Iterable<{ readonly labels: ReturnType<typeof workloadLabels>; readonly histogram: PlainHistogram }> {
    for (const [key, { holdSeconds }] of each()) yield { labels: workloadLabels(key), histogram: holdSeconds };
  }
  return {
    expose: expositionOf(
      [
        {
          name: 'rouse_gateway_requests_total',
          help: 'Requests by status, each once however often it was tried; held and refused ones too. Without a workload: unknown hosts and unreadable requests.',
          type: 'counter',
          labels: [...labels, 'code'],
          samples: requests,
        },
        { name: 'rouse_gateway_in_flight', help: 'Requests in pods and open upgraded connections.', type: 'gauge', labels, samples: () => gauge('inFlight') },
        { name: 'rouse_gateway_held_requests', help: 'Requests that wait for capacity.', type: 'gauge', labels, samples: () => gauge('held') },
        {
          name: 'rouse_gateway_refused_requests_total',
          help: 'Requests that the gateway answered by itself, by the code of the answer.',
          type: 'counter',
          labels: [...labels, 'reason'],
          samples: refused,
        },
        {
          name: 'rouse_gateway_held_bytes',
          help: 'What held requests take of the budget of the gateway: their memory, in steps of 16 KiB.',
          type: 'gauge',
          labels,
          samples: () => gauge('heldBytes'),
        },
        {
          name: 'rouse_gateway_hold_budget_used_bytes',
          help: 'What the held requests of all workloads take of the budget.',
          type: 'gauge',
          labels: [],
          samples: () => [{ labels: {}, value: read().holdBudget.usedBytes }],
        },
        {
          name: 'rouse_gateway_hold_budget_bytes',
          help: 'The budget: over it, the workload that holds the most loses its newest request.',
          type: 'gauge',
          labels: [],
          samples: () => [{ labels: {}, value: read().holdBudget.bytes }],
        },
        ...sharedPortMetrics(read),
        {
          name: 'rouse_gateway_routes_valid',
          help: '1 while the newest routes were taken, 0 after a routes file that was refused.',
          type: 'gauge',
          labels: [],
          samples: () => [{ labels: {}, value: read().routesValid }],
        },
      ],
      () => exposeHistogram('rouse_gateway_hold_seconds', 'How long requests were held.', holds()),
    ),
  };
};

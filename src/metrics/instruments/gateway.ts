import { gatewayCodes, type GatewayCode, type WorkloadKey } from '../../core/index.ts';
import { exposeHistogram, type PlainHistogram } from './histogram.ts';
import { expositionOf, limited, mostWorkloads, workloadLabels, type Exposition, type Samples } from './series.ts';

/** What a gateway counts, as it is read at each scrape; the gateway itself knows nothing of Prometheus. A workload that is gone is gone from here. */
export interface GatewayFigures {
  readonly workloads: ReadonlyMap<
    WorkloadKey,
    {
      /** Each request once, by the status that the client got. */
      readonly requests: ReadonlyMap<number, number>;
      readonly inFlight: number;
      readonly held: number;
      readonly holdSeconds: PlainHistogram;
    }
  >;
  /** Requests that belong to no workload. */
  readonly unrouted: ReadonlyMap<GatewayCode, number>;
  readonly routesValid: 0 | 1;
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
  function* gauge(figure: 'inFlight' | 'held'): Samples {
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

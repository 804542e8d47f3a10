import type { GatewayCode, WorkloadKey } from '../../core/index.ts';
import { edgePortMetrics, type EdgePortFigures } from './edge-ports.ts';
import { FirstByName } from './first-by-name.ts';
import { exposeMetrics, type Exposition, type ExpositionFormat } from './exposition.ts';
import { fleetTraffic } from './gateway-fleet.ts';
import { trafficMetrics, type GatewayWorkloadFigures } from './gateway-traffic.ts';
import { processMetrics, type ProcessFigures } from './process-metrics.ts';
import { label, one, workloadLabels, type Metric } from './series.ts';

/** What a gateway counts, as it is read at each scrape; the gateway itself knows nothing of Prometheus. A workload that is gone is gone from here. */
export interface GatewayFigures extends EdgePortFigures {
  readonly workloads: ReadonlyMap<WorkloadKey, GatewayWorkloadFigures>;
  /** All of them together, those that are gone too. */
  readonly all: () => Promise<GatewayWorkloadFigures>;
  /** The most workloads that get series of their own. */
  readonly perWorkloadMetrics: number;
  /** Requests that belong to no workload. */
  readonly unrouted: ReadonlyMap<GatewayCode, number>;
  readonly routesValid: 0 | 1;
  /** What may be held for all workloads together, and what of that is taken. */
  readonly holdBudget: { readonly bytes: number; readonly usedBytes: number };
  /** Of clients, open now. */
  readonly connections: number;
  /** Lines. */
  readonly accessLog: { readonly written: number; readonly dropped: number };
  /** Links to controllers that are up; left out where the routes come from a file. */
  readonly controllersLinked?: number;
  readonly process?: ProcessFigures;
}

export interface GatewayInstruments {
  expose(format?: ExpositionFormat): Promise<Exposition>;
}

const ownMetrics = (figures: GatewayFigures, withoutSeries: number): readonly Metric[] => [
  {
    name: 'rouse_gateway_workloads_without_series',
    help: 'Workloads beyond the most that get series of their own (per-workload-metrics in rouse-config).',
    type: 'gauge',
    samples: () => one(withoutSeries),
  },
  {
    name: 'rouse_gateway_hold_budget_used_bytes',
    help: 'What the held requests of all workloads take of the budget.',
    type: 'gauge',
    samples: () => one(figures.holdBudget.usedBytes),
  },
  {
    name: 'rouse_gateway_hold_budget_bytes',
    help: 'The budget: over it, the workload that holds the most loses its newest request.',
    type: 'gauge',
    samples: () => one(figures.holdBudget.bytes),
  },
  { name: 'rouse_gateway_connections', help: 'Connections of clients.', type: 'gauge', samples: () => one(figures.connections) },
  {
    name: 'rouse_gateway_access_log_lines_total',
    help: 'Lines of the access log, and those that were dropped since nobody took them from standard output.',
    type: 'counter',
    samples: () => Object.entries(figures.accessLog).map(([outcome, value]) => ({ labels: label('outcome', outcome), value })),
  },
  ...edgePortMetrics(figures),
  {
    name: 'rouse_gateway_controllers_linked',
    help: 'Links to controllers that are up; without any, traffic goes on by the last routes. Not there where the routes come from a file.',
    type: 'gauge',
    samples: () => (figures.controllersLinked === undefined ? [] : one(figures.controllersLinked)),
  },
  {
    name: 'rouse_gateway_routes_valid',
    help: '1 while the newest routes were taken, 0 after a routes file that was refused.',
    type: 'gauge',
    samples: () => one(figures.routesValid),
  },
];

/** The metrics of a gateway (docs/reference/metrics.md). */
export const createGatewayInstruments = (read: () => GatewayFigures): GatewayInstruments => {
  const firstByName = new FirstByName<WorkloadKey>((key) => key);
  return {
    expose: async (format = 'text') => {
      const figures = read();
      const { workloads, unrouted } = figures;
      const all = await figures.all();
      const shown = firstByName.of([...workloads.keys()], figures.perWorkloadMetrics).flatMap((key) => {
        const each = workloads.get(key);
        return each === undefined ? [] : [[workloadLabels(key), each] as const];
      });
      return exposeMetrics(
        [
          ...trafficMetrics(shown, unrouted),
          ...fleetTraffic(all, unrouted),
          ...ownMetrics(figures, workloads.size - shown.length),
          ...processMetrics(figures.process),
        ],
        format,
      );
    },
  };
};

import { gatewayCodes, type GatewayCode } from '../../core/index.ts';
import { trafficMetrics, type GatewayWorkloadFigures, type RevisionLabels } from './gateway-traffic.ts';
import type { Metric } from './series.ts';

/** Of these the sum has a name of its own. */
const summedElsewhere = new Set(['rouse_gateway_held_bytes']);

/**
 * The same for all workloads together, whether or not they have series of their own, under names of their own (docs/decisions/0028-who-writes-the-exposition.md), and not told apart by
 * revision. `all` is of this gateway, those that are gone too; what belongs to no workload is in it.
 */
export const fleetTraffic = (all: GatewayWorkloadFigures, unrouted: ReadonlyMap<GatewayCode, number>): readonly Metric[] => {
  const refused = new Map(all.refused);
  for (const [code, value] of unrouted) refused.set(code, (refused.get(code) ?? 0) + value);
  const revisions = [...all.revisions].map((each) => {
    const requests = new Map(each.requests);
    for (const [code, value] of unrouted) requests.set(gatewayCodes[code], (requests.get(gatewayCodes[code]) ?? 0) + value);
    return { ...each, requests };
  });
  return trafficMetrics([['', { ...all, refused, revisions }]], new Map(), together)
    .filter(({ name }) => !summedElsewhere.has(name))
    .map((metric): Metric => ({
      ...metric,
      name: metric.name.replace('rouse_gateway_', 'rouse_gateway_fleet_'),
      help: `All workloads together: ${metric.help}`,
    }));
};

const together: RevisionLabels = (_revision, more = '') => more;

import { controlPlane } from './control-plane.ts';
import { cost } from './cost.ts';
import type { ClassicDashboard } from './dashboard.ts';
import { fleet } from './fleet.ts';
import { gateway } from './gateway.ts';
import { workload } from './workload.ts';

/** The dashboards by the name of their file in `grafana/dashboards`. */
export const dashboards: ReadonlyMap<string, ClassicDashboard> = new Map([
  ['fleet.json', fleet],
  ['workload.json', workload],
  ['gateway.json', gateway],
  ['control-plane.json', controlPlane],
  ['cost.json', cost],
]);

export const printDashboard = (dashboard: ClassicDashboard): string => `${JSON.stringify(dashboard, null, 2)}\n`;

import type { ControllerCounts } from './controller-counts.ts';
import { alone, byLabel, type FewSeries } from './few-series.ts';
import { label, type Metric } from './series.ts';
import type { WorkloadFigures } from './per-workload.ts';

const state = ({ desired, ready, starting }: WorkloadFigures): 'asleep' | 'waking' | 'awake' =>
  ready > 0 ? 'awake' : desired > 0 || starting > 0 ? 'waking' : 'asleep';

/** Sums over all workloads, also those without series of their own. Counters go on counting what a workload had that was handed back. */
export const fleetMetrics = (all: readonly WorkloadFigures[], refused: number, leftOut: number, counts: ControllerCounts): readonly FewSeries[] => {
  const states = { asleep: 0, waking: 0, awake: 0 };
  let [desired, ready, starting, before, invalid] = [0, 0, 0, 0, 0];
  const failing = new Map<string, number>();
  for (const workload of all) {
    states[state(workload)] += 1;
    desired += workload.desired;
    ready += workload.ready;
    starting += workload.starting;
    before += workload.replicasBefore ?? 0;
    if (!workload.settingsValid) invalid += 1;
    if (workload.wakeFailure !== undefined) failing.set(workload.wakeFailure, (failing.get(workload.wakeFailure) ?? 0) + 1);
  }
  const gauge = (name: string, help: string, value: number): FewSeries => ({ name, help, type: 'gauge', labels: [], samples: () => alone(value) });
  const { used, saved } = counts.podTime.all;
  return [
    {
      name: 'rouse_fleet_workloads',
      help: 'Workloads by state: asleep (no pod, none wanted), waking (none ready yet), awake.',
      type: 'gauge',
      labels: ['state'],
      samples: () => byLabel('state', Object.entries(states)),
    },
    gauge('rouse_fleet_refused_workloads', 'Workloads that are not onboarded since their annotations have problems.', refused),
    gauge('rouse_fleet_invalid_settings_workloads', 'Workloads whose annotations have problems; the last good settings stand then.', invalid),
    {
      name: 'rouse_fleet_wake_failing_workloads',
      help: 'Workloads that cannot be woken, by the reason that held requests are told.',
      type: 'gauge',
      labels: ['reason'],
      samples: () => byLabel('reason', failing),
    },
    gauge('rouse_workloads_without_series', 'Workloads beyond the most that get series of their own (per-workload-metrics in rouse-config).', leftOut),
    gauge('rouse_fleet_desired_pods', 'Pods that all workloads want.', desired),
    gauge('rouse_fleet_ready_pods', 'Ready pods of all workloads.', ready),
    gauge('rouse_fleet_starting_pods', 'Pods of all workloads that are there and neither ready nor going.', starting),
    gauge('rouse_fleet_pods_before_onboarding', 'Replicas that all workloads had before onboarding.', before),
    {
      name: 'rouse_fleet_decisions_total',
      help: 'Decisions for all workloads by what was decisive.',
      type: 'counter',
      labels: ['reason'],
      samples: () => byLabel('reason', pairs(counts.allDecisions)),
    },
    {
      name: 'rouse_fleet_wakes_total',
      help: 'Wakes of all workloads by how they ended, as in rouse_wakes_total.',
      type: 'counter',
      labels: ['outcome'],
      samples: () => byLabel('outcome', pairs(counts.allWakes)),
    },
    {
      name: 'rouse_fleet_pod_seconds_total',
      help: 'Ready and starting pods of all workloads, times seconds; counted by the leader.',
      type: 'counter',
      labels: [],
      samples: () => alone(used),
    },
    {
      name: 'rouse_fleet_saved_pod_seconds_total',
      help: 'Pods of all workloads fewer than before onboarding, times seconds, each workload by itself and never negative; counted by the leader.',
      type: 'counter',
      labels: [],
      samples: () => alone(saved),
    },
  ];
};

export const fleetColdStarts = (counts: ControllerCounts): Metric => ({
  name: 'rouse_fleet_cold_start_seconds',
  help: 'Wakes of all workloads from the first held request to its first byte, by phase.',
  type: 'histogram',
  samples: () => [...counts.allColdStarts].map(([phase, value]) => ({ labels: label('phase', phase), value })),
});

const pairs = (counts: Iterable<{ readonly label: string; readonly value: number }>): readonly (readonly [string, number])[] =>
  Array.from(counts, ({ label: text, value }) => [text, value]);

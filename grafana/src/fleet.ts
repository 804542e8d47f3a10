import { dashboard } from './dashboard.ts';
import { curves, number, table } from './panels.ts';
import { chosen, led, ledBy, quantile, rateBy } from './queries.ts';
import { anyWorkloads } from './variables.ts';

export const fleet = dashboard({
  title: 'Fleet',
  uid: 'rouse-fleet',
  about: 'All workloads together: what sleeps, what is awake, what waits, and which ones need a look.',
  variables: anyWorkloads,
  rows: [
    [
      'Now',
      [
        number('Asleep', { about: 'No pod, and none wanted.' }, [led('rouse_fleet_workloads{state="asleep"}'), 'asleep']),
        number('Waking', { about: 'Pods are wanted or starting, none is ready.' }, [led('rouse_fleet_workloads{state="waking"}'), 'waking']),
        number('Awake', { about: 'At least one pod is ready.' }, [led('rouse_fleet_workloads{state="awake"}'), 'awake']),
        number('Cannot wake', { about: 'Workloads whose wake cannot succeed at the moment (image, crash loop, quota, no node …).' }, [
          `sum(${led('rouse_fleet_wake_failing_workloads')}) or vector(0)`,
          'failing',
        ]),
        number('Refused settings', { about: 'Workloads with annotations that have problems: the last good settings stand, or they are not onboarded.' }, [
          `sum(${led('rouse_fleet_refused_workloads')}) + sum(${led('rouse_fleet_invalid_settings_workloads')})`,
          'refused',
        ]),
        number('Ready pods', { about: 'Of all workloads.' }, [led('rouse_fleet_ready_pods'), 'ready']),
        number('Held requests', { about: 'Requests that wait for capacity now.' }, ['sum(rouse_gateway_fleet_held_requests)', 'held']),
        number('Requests', { about: 'Answered per second.', unit: 'reqps' }, ['sum(rate(rouse_gateway_fleet_requests_total[$__rate_interval]))', 'requests']),
      ],
    ],
    [
      'Over time',
      [
        curves(
          'Pods',
          { about: 'Wanted, ready and starting; and how many there were before onboarding: the room between is what is saved.', draw: 'steps' },
          [led('rouse_fleet_desired_pods'), 'desired'],
          [led('rouse_fleet_ready_pods'), 'ready'],
          [led('rouse_fleet_starting_pods'), 'starting'],
          [led('rouse_fleet_pods_before_onboarding'), 'before onboarding'],
        ),
        curves('Workloads', { about: 'By state.', draw: 'steps', stacked: true }, [ledBy('state', 'rouse_fleet_workloads'), '{{state}}']),
        curves('Requests by class', { about: 'Per second, by the class of the status that clients got.', unit: 'reqps', stacked: true }, [
          rateBy('code_class', 'rouse_gateway_fleet_requests_total'),
          '{{code_class}}',
        ]),
        curves('Cold starts, p95 by phase', { about: 'From the first held request to its first byte: decide, schedule, start, ready, forward.', unit: 's' }, [
          quantile(0.95, 'rouse_fleet_cold_start_seconds', '', 'phase'),
          '{{phase}}',
        ]),
        curves('Wakes by outcome', { about: 'Wakes in the interval: served, unserved, or why they failed.', draw: 'bars', stacked: true }, [
          'sum by (outcome) (increase(rouse_fleet_wakes_total[$__rate_interval]))',
          '{{outcome}}',
        ]),
        curves('Decisions by reason', { about: 'Per second, without those that left everything as it was.', stacked: true }, [
          `sum by (reason) (rate(rouse_fleet_decisions_total{reason!~"steady|idle"}[$__rate_interval]))`,
          '{{reason}}',
        ]),
      ],
    ],
    [
      'Which ones',
      [
        curves('Most held requests', { about: 'The ten workloads with the most requests that wait.', span: 12 }, [
          `topk(10, sum by (namespace, workload) (rouse_gateway_held_requests${chosen}))`,
          '{{namespace}}/{{workload}}',
        ]),
        curves('Most pods', { about: 'The ten workloads with the most ready pods.', span: 12 }, [
          `topk(10, ${ledBy('namespace, workload', `rouse_ready_pods${chosen}`)})`,
          '{{namespace}}/{{workload}}',
        ]),
        table(
          'Workloads',
          { about: 'Each workload now. Its whole story is in the dashboard Workload.' },
          [ledBy('namespace, workload', `rouse_desired_pods${chosen}`), 'desired'],
          [ledBy('namespace, workload', `rouse_ready_pods${chosen}`), 'ready'],
          [`sum by (namespace, workload) (rouse_gateway_held_requests${chosen})`, 'held'],
          [`sum by (namespace, workload) (rate(rouse_gateway_requests_total${chosen}[$__rate_interval]))`, 'requests/s'],
          [ledBy('namespace, workload', `rouse_panic_mode${chosen}`), 'panic'],
        ),
        table('Workloads that cannot wake', { about: 'And why: docs/runbooks/RouseWakeFailing.md says what mends it.' }, [
          ledBy('namespace, workload, reason', `rouse_wake_failing${chosen}`),
          'failing',
        ]),
      ],
    ],
  ],
});

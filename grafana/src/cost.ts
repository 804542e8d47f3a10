import { dashboard } from './dashboard.ts';
import { curves, number, table } from './panels.ts';
import { chosen, led, ledBy } from './queries.ts';
import { anyWorkloads, price } from './variables.ts';

const saved = `increase(rouse_saved_pod_seconds_total${chosen}[$__range])`;
const used = `increase(rouse_pod_seconds_total${chosen}[$__range])`;

export const cost = dashboard({
  title: 'Cost',
  uid: 'rouse-cost',
  about: 'What scaling saves against the replicas that each workload had before onboarding. Only the leader counts, so sums over controllers are right.',
  variables: [...anyWorkloads, price],
  rows: [
    [
      'In the chosen time',
      [
        number('Saved', { about: 'Pods fewer than before, times hours.', unit: 'h', span: 4 }, [`sum(${saved}) / 3600`, 'pod hours']),
        number('Used', { about: 'Ready and starting pods, times hours.', unit: 'h', span: 4 }, [`sum(${used}) / 3600`, 'pod hours']),
        number('Share saved', { about: 'Of what would have run without Rouse.', unit: 'percentunit', span: 4 }, [
          `sum(${saved}) / (sum(${saved}) + sum(${used}))`,
          'saved',
        ]),
        number('Money saved', { about: 'Pod hours times the price above.', unit: 'currencyUSD', span: 4 }, [`sum(${saved}) / 3600 * $price`, 'saved']),
        number('All workloads, saved', { about: 'Those without series, and those handed back, too.', unit: 'h', span: 4 }, [
          'sum(increase(rouse_fleet_saved_pod_seconds_total[$__range])) / 3600',
          'pod hours',
        ]),
        number('All workloads, used', { about: 'Those without series, and those handed back, too.', unit: 'h', span: 4 }, [
          'sum(increase(rouse_fleet_pod_seconds_total[$__range])) / 3600',
          'pod hours',
        ]),
      ],
    ],
    [
      'Over time',
      [
        curves(
          'Pods against before',
          { about: 'The room between is what is saved.', draw: 'steps', span: 12 },
          [`sum(${led(`rouse_ready_pods${chosen}`)}) + sum(${led(`rouse_starting_pods${chosen}`)})`, 'there'],
          [`sum(${led(`rouse_pods_before_onboarding${chosen}`)})`, 'before onboarding'],
        ),
        curves('Saved pods', { about: 'By namespace: pods fewer than before, at the moment.', span: 12, stacked: true }, [
          `sum by (namespace) (rate(rouse_saved_pod_seconds_total${chosen}[$__rate_interval]))`,
          '{{namespace}}',
        ]),
      ],
    ],
    [
      'By workload',
      [
        table(
          'Workloads',
          { about: 'Pod hours in the chosen time, and the counts before and now.' },
          [`sum by (namespace, workload) (${saved}) / 3600`, 'saved pod hours'],
          [`sum by (namespace, workload) (${used}) / 3600`, 'used pod hours'],
          [ledBy('namespace, workload', `rouse_pods_before_onboarding${chosen}`), 'before'],
          [ledBy('namespace, workload', `rouse_ready_pods${chosen}`), 'ready'],
        ),
      ],
    ],
  ],
});

import { AnnotationQueryBuilder } from '@grafana/grafana-foundation-sdk/dashboard';
import { dashboard } from './dashboard.ts';
import { curves, number } from './panels.ts';
import { led, quantile, rateBy } from './queries.ts';
import { dataSource, oneWorkload } from './variables.ts';

const of = '{namespace="$namespace",workload="$workload"}';
const where = (more: string): string => `{namespace="$namespace",workload="$workload",${more}}`;

/** Decisions that changed something, with their reason, in all panels. */
const decisions = new AnnotationQueryBuilder()
  .name('Decisions')
  .enable(true)
  .iconColor('orange')
  .datasource(dataSource)
  .expr(`sum by (reason) (increase(rouse_decisions_total${where('reason!~"steady|idle|no-data|warming-up"')}[$__rate_interval])) > 0`)
  .titleFormat('{{reason}}');

export const workload = dashboard({
  title: 'Workload',
  uid: 'rouse-workload',
  about: "One workload's whole story: its load, what it has for it, what waits, what was decided and why, and its cold starts.",
  variables: oneWorkload,
  annotations: [decisions],
  rows: [
    [
      'Now',
      [
        number('Desired', { about: 'Pods that are wanted.' }, [led(`rouse_desired_pods${of}`), 'desired']),
        number('Ready', { about: 'Pods that are ready.' }, [led(`rouse_ready_pods${of}`), 'ready']),
        number('In flight', { about: 'Requests in pods now.' }, [`sum(rouse_gateway_in_flight${of})`, 'in flight']),
        number('Held', { about: 'Requests that wait for capacity now.' }, [`sum(rouse_gateway_held_requests${of})`, 'held']),
        number('Requests', { about: 'Answered per second.', unit: 'reqps' }, [`sum(rate(rouse_gateway_requests_total${of}[$__rate_interval]))`, 'requests']),
        number('Panic', { about: '1 while the panic window decides.' }, [led(`rouse_panic_mode${of}`), 'panic']),
        number('Settings valid', { about: '0 while its annotations have problems.' }, [led(`rouse_settings_valid${of}`), 'valid']),
        number('Saved in this time', { about: 'Pods fewer than before onboarding, times hours.', unit: 'h' }, [
          `sum(increase(rouse_saved_pod_seconds_total${of}[$__range])) / 3600`,
          'pod hours',
        ]),
      ],
    ],
    [
      'Why it has its pods',
      [
        curves(
          'Pods',
          { about: 'Desired against ready; floor and ceiling as its settings have them.', draw: 'steps', span: 12 },
          [led(`rouse_desired_pods${of}`), 'desired'],
          [led(`rouse_ready_pods${of}`), 'ready'],
          [led(`rouse_starting_pods${of}`), 'starting'],
          [led(`rouse_min_pods${of}`), 'min'],
          [led(`rouse_max_pods${of}`), 'max'],
        ),
        curves(
          'Wanted by each metric',
          { about: 'What each metric asks for by itself, before any limit; the highest wins. Beside it what came of it.', draw: 'steps', span: 12 },
          [led(`rouse_wanted_pods${of}`), '{{metric}}'],
          [led(`rouse_desired_pods${of}`), 'desired'],
        ),
        curves(
          'Load and capacity',
          {
            about:
              'Each metric over both windows, all pods together, and what the ready pods are to take of it (ready × target). A load above the capacity brings pods.',
            span: 12,
          },
          [led(`rouse_stable_value${of}`), '{{metric}}, stable'],
          [led(`rouse_panic_value${of}`), '{{metric}}, panic'],
          [`(${led(`rouse_target_value${of}`)}) * on (job, instance, namespace, workload) group_left () rouse_ready_pods${of}`, '{{metric}}, capacity'],
        ),
        curves('Decisions by reason', { about: 'In the interval. `rouse explain NAME` tells what each means.', draw: 'bars', stacked: true, span: 12 }, [
          `sum by (reason) (increase(rouse_decisions_total${of}[$__rate_interval]))`,
          '{{reason}}',
        ]),
      ],
    ],
    [
      'What its users see',
      [
        curves('Requests', { about: 'Per second by status and revision.', unit: 'reqps', stacked: true }, [
          rateBy('code, revision', `rouse_gateway_requests_total${of}`),
          '{{code}} {{revision}}',
        ]),
        curves(
          'Duration',
          { about: 'From arrival to the end of the answer, time in the queue and wakes included.', unit: 's' },
          [quantile(0.5, 'rouse_gateway_request_duration_seconds', of), 'p50'],
          [quantile(0.95, 'rouse_gateway_request_duration_seconds', of), 'p95'],
          [quantile(0.99, 'rouse_gateway_request_duration_seconds', of), 'p99'],
        ),
        curves(
          'Held',
          { about: 'Requests in pods and those that wait.' },
          [`sum(rouse_gateway_in_flight${of})`, 'in flight'],
          [`sum(rouse_gateway_held_requests${of})`, 'held'],
        ),
        curves('Time held, p95', { about: 'Of requests that had to wait.', unit: 's' }, [quantile(0.95, 'rouse_gateway_hold_seconds', of), 'p95']),
        curves(
          'Answered by the gateway itself',
          { about: 'Refusals per second by code; requests that were broken off, by whom.', unit: 'reqps' },
          [rateBy('reason', `rouse_gateway_refused_requests_total${of}`), '{{reason}}'],
          [rateBy('by, answer', `rouse_gateway_aborted_requests_total${of}`), 'broken off by {{by}}, answer {{answer}}'],
        ),
        curves(
          'Bytes',
          { about: 'Content of bodies, per second.', unit: 'Bps' },
          [`sum(rate(rouse_gateway_request_bytes_total${of}[$__rate_interval]))`, 'requests'],
          [`sum(rate(rouse_gateway_response_bytes_total${of}[$__rate_interval]))`, 'answers'],
        ),
      ],
    ],
    [
      'Wakes',
      [
        curves(
          'Cold starts by phase, mean',
          { about: 'How long each phase took: the sum is what the first request waited.', unit: 's', stacked: true, draw: 'bars' },
          [
            `sum by (phase) (rate(rouse_cold_start_seconds_sum${of}[$__rate_interval])) / sum by (phase) (rate(rouse_cold_start_seconds_count${of}[$__rate_interval])) > 0`,
            '{{phase}}',
          ],
        ),
        curves('Wakes by outcome', { about: 'In the interval.', draw: 'bars', stacked: true }, [
          `sum by (outcome) (increase(rouse_wakes_total${of}[$__rate_interval]))`,
          '{{outcome}}',
        ]),
        curves('Cannot wake', { about: '1 while it cannot be woken, by reason.', draw: 'steps' }, [led(`rouse_wake_failing${of}`), '{{reason}}']),
      ],
    ],
    [
      'Its pods, as gateways see them',
      [
        curves('Connections', { about: 'HTTP connections to its pods.' }, [`sum by (state) (rouse_gateway_pod_connections${of})`, '{{state}}']),
        curves(
          'Trouble with pods',
          { about: 'Per second: connections that could not be made, requests sent once more, pods taken out.' },
          [`sum(rate(rouse_gateway_connect_failures_total${of}[$__rate_interval]))`, 'no connection'],
          [`sum(rate(rouse_gateway_retries_total${of}[$__rate_interval]))`, 'retried'],
          [`sum(rate(rouse_gateway_retries_over_budget_total${of}[$__rate_interval]))`, 'put off'],
          [rateBy('reason', `rouse_gateway_pod_ejections_total${of}`), 'ejected: {{reason}}'],
        ),
        curves(
          'Opened, ignored, poked',
          { about: 'Per second: connections begun, requests that no metric counts (rouse.dev/ignore-requests), calls to the controllers that somebody waits.' },
          [`sum(rate(rouse_gateway_pod_connections_opened_total${of}[$__rate_interval]))`, 'connections opened'],
          [`sum(rate(rouse_gateway_ignored_requests_total${of}[$__rate_interval]))`, 'ignored'],
          [`sum(rate(rouse_gateway_pokes_total${of}[$__rate_interval]))`, 'pokes'],
        ),
        curves('Ejected pods', { about: 'Pods that are not used until a probe succeeds.', draw: 'steps' }, [`sum(rouse_gateway_ejected_pods${of})`, 'ejected']),
      ],
    ],
  ],
});

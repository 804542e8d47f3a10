import { dashboard } from './dashboard.ts';
import { curves, number } from './panels.ts';
import { quantile, rateBy } from './queries.ts';
import { dataSourceOnly } from './variables.ts';

export const gateway = dashboard({
  title: 'Gateway',
  uid: 'rouse-gateway',
  about: 'The data plane: what comes in, what waits, what is refused, and how it stands with pods and controllers.',
  variables: dataSourceOnly,
  rows: [
    [
      'Now',
      [
        number('Requests', { about: 'Answered per second.', unit: 'reqps' }, ['sum(rate(rouse_gateway_fleet_requests_total[$__rate_interval]))', 'requests']),
        number('Errors', { about: 'Share of answers of class 5xx.', unit: 'percentunit' }, [
          '(sum(rate(rouse_gateway_fleet_requests_total{code_class="5xx"}[$__rate_interval])) or vector(0)) / sum(rate(rouse_gateway_fleet_requests_total[$__rate_interval]))',
          '5xx',
        ]),
        number('In flight', { about: 'Requests in pods.' }, ['sum(rouse_gateway_fleet_in_flight)', 'in flight']),
        number('Held', { about: 'Requests that wait for capacity.' }, ['sum(rouse_gateway_fleet_held_requests)', 'held']),
        number('Hold budget', { about: 'Share of the memory for held requests that is taken, of the gateway that has the least left.', unit: 'percentunit' }, [
          'max(rouse_gateway_hold_budget_used_bytes / rouse_gateway_hold_budget_bytes)',
          'taken',
        ]),
        number('Connections', { about: 'Of clients.' }, ['sum(rouse_gateway_connections)', 'connections']),
        number('Routes valid', { about: '0: a routes file was refused.' }, ['min(rouse_gateway_routes_valid)', 'valid']),
        number('Controllers linked', { about: 'Of the gateway that has the fewest.' }, ['min(rouse_gateway_controllers_linked)', 'linked']),
      ],
    ],
    [
      'Requests',
      [
        curves('By class', { about: 'Per second.', unit: 'reqps', stacked: true }, [
          rateBy('code_class', 'rouse_gateway_fleet_requests_total'),
          '{{code_class}}',
        ]),
        curves(
          'Duration',
          { about: 'From arrival to the end of the answer, wakes included.', unit: 's' },
          [quantile(0.5, 'rouse_gateway_fleet_request_duration_seconds', ''), 'p50'],
          [quantile(0.95, 'rouse_gateway_fleet_request_duration_seconds', ''), 'p95'],
          [quantile(0.99, 'rouse_gateway_fleet_request_duration_seconds', ''), 'p99'],
        ),
        curves(
          'Time held',
          { about: 'Of requests that had to wait.', unit: 's' },
          [quantile(0.5, 'rouse_gateway_fleet_hold_seconds', ''), 'p50'],
          [quantile(0.95, 'rouse_gateway_fleet_hold_seconds', ''), 'p95'],
        ),
        curves('Refused', { about: 'Answers of the gateway itself, per second by code.', unit: 'reqps' }, [
          rateBy('reason', 'rouse_gateway_fleet_refused_requests_total'),
          '{{reason}}',
        ]),
        curves('Broken off', { about: 'Per second, by whom, and whether the answer had begun.', unit: 'reqps' }, [
          rateBy('by, answer', 'rouse_gateway_fleet_aborted_requests_total'),
          '{{by}}, answer {{answer}}',
        ]),
        curves(
          'Bytes',
          { about: 'Content of bodies, per second.', unit: 'Bps' },
          ['sum(rate(rouse_gateway_fleet_request_bytes_total[$__rate_interval]))', 'requests'],
          ['sum(rate(rouse_gateway_fleet_response_bytes_total[$__rate_interval]))', 'answers'],
        ),
        curves(
          'Ignored, and pokes',
          { about: 'Requests that no metric counts (rouse.dev/ignore-requests), and calls to the controllers that somebody waits.' },
          ['sum(rate(rouse_gateway_fleet_ignored_requests_total[$__rate_interval]))', 'ignored'],
          ['sum(rate(rouse_gateway_fleet_pokes_total[$__rate_interval]))', 'pokes'],
        ),
      ],
    ],
    [
      'Pods',
      [
        curves('Connections', { about: 'To pods, kept or in use.' }, ['sum by (state) (rouse_gateway_fleet_pod_connections)', '{{state}}']),
        curves(
          'Connections opened, and trouble',
          { about: 'Per second.' },
          ['sum(rate(rouse_gateway_fleet_pod_connections_opened_total[$__rate_interval]))', 'opened'],
          ['sum(rate(rouse_gateway_fleet_connect_failures_total[$__rate_interval]))', 'no connection'],
          ['sum(rate(rouse_gateway_fleet_retries_total[$__rate_interval]))', 'retried'],
          ['sum(rate(rouse_gateway_fleet_retries_over_budget_total[$__rate_interval]))', 'put off'],
        ),
        curves(
          'Ejected pods',
          { about: 'Not used until a probe succeeds.', draw: 'steps' },
          ['sum(rouse_gateway_fleet_ejected_pods)', 'ejected'],
          [rateBy('reason', 'rouse_gateway_fleet_pod_ejections_total'), 'ejections/s: {{reason}}'],
        ),
      ],
    ],
    [
      'Clients and the process',
      [
        curves('Client connections', { about: 'By gateway.' }, ['rouse_gateway_connections', '{{instance}}']),
        curves('Rejected connections', { about: 'To the shared ports, per second, that ended before HTTP began on them.' }, [
          rateBy('reason', 'rouse_gateway_rejected_connections_total'),
          '{{reason}}',
        ]),
        curves(
          'Certificates',
          { about: 'Time until what is served expires.', unit: 's' },
          ['min by (file) (rouse_gateway_certificate_expiry_timestamp_seconds) - time()', '{{file}}'],
          ['min by (file) (rouse_gateway_certificate_valid)', '{{file}} valid'],
        ),
        curves(
          'Memory for held requests',
          { about: 'Taken, and all of it.', unit: 'bytes' },
          ['sum(rouse_gateway_hold_budget_used_bytes)', 'taken'],
          ['sum(rouse_gateway_hold_budget_bytes)', 'budget'],
          ['topk(5, sum by (namespace, workload) (rouse_gateway_held_bytes))', '{{namespace}}/{{workload}}'],
        ),
        curves('CPU', { about: 'Cores, by gateway.' }, [
          'rate(process_cpu_seconds_total[$__rate_interval]) and on (job, instance) rouse_gateway_routes_valid',
          '{{instance}}',
        ]),
        curves('Memory', { about: 'Resident, by gateway.', unit: 'bytes' }, [
          'process_resident_memory_bytes and on (job, instance) rouse_gateway_routes_valid',
          '{{instance}}',
        ]),
        curves('Access log', { about: 'Lines per second; those that nobody took were dropped.' }, [
          rateBy('outcome', 'rouse_gateway_access_log_lines_total'),
          '{{outcome}}',
        ]),
        curves(
          'Workers',
          { about: 'With --workers: how many there should be, how many serve, how many did not answer the scrape; exits per second.', draw: 'steps' },
          ['sum(rouse_gateway_workers)', 'wanted'],
          ['sum(rouse_gateway_workers_serving)', 'serving'],
          ['sum(rouse_gateway_workers_unanswered)', 'unanswered'],
          [rateBy('how', 'rouse_gateway_worker_exits_total'), 'exits/s: {{how}}'],
        ),
      ],
    ],
  ],
});

import { dashboard } from './dashboard.ts';
import { curves, number } from './panels.ts';
import { led, quantile, rateBy } from './queries.ts';
import { dataSourceOnly } from './variables.ts';

export const controlPlane = dashboard({
  title: 'Control plane',
  uid: 'rouse-control-plane',
  about: 'Whether Rouse itself is healthy: who leads, what it hears of the cluster and of its gateways, and how long its work takes.',
  variables: dataSourceOnly,
  rows: [
    [
      'Now',
      [
        number('Leaders', { about: 'One is right; for some seconds at a change there is none.' }, ['sum(rouse_leader)', 'leaders']),
        number('Controllers', { about: 'Replicas that answer scrapes.' }, ['count(rouse_build_info)', 'controllers']),
        number('Configuration valid', { about: '0: rouse-config has problems, the last good one stands.' }, ['min(rouse_config_valid)', 'valid']),
        number('Watches in touch', { about: '0: something that is followed may be old.' }, ['min(rouse_watch_in_touch)', 'in touch']),
        number('Gateways linked', { about: 'To the leader.' }, [`sum(${led('rouse_link_gateways')})`, 'gateways']),
        number('Workloads without series', { about: 'Beyond per-workload-metrics; of controllers and of gateways.' }, [
          'max(rouse_workloads_without_series) or max(rouse_gateway_workloads_without_series)',
          'without',
        ]),
        number('Certificate expires in', { about: 'Of Rouse itself: the first one.', unit: 's' }, [
          'min(rouse_certificate_expiry_timestamp_seconds) - time()',
          'left',
        ]),
        number('Version', { about: 'Replicas by version.' }, ['count by (version) (rouse_build_info)', '{{version}}']),
      ],
    ],
    [
      'Decides',
      [
        curves('Leader', { about: 'By replica.', draw: 'steps' }, ['rouse_leader', '{{instance}}']),
        curves(
          'Time of a tick',
          { about: 'A look at every workload, every 2 s.', unit: 's' },
          [quantile(0.5, 'rouse_tick_duration_seconds', ''), 'p50'],
          [quantile(0.99, 'rouse_tick_duration_seconds', ''), 'p99'],
        ),
        curves('Decisions', { about: 'Per second by reason, of the leader.', stacked: true }, [
          `sum by (reason) (${led('rate(rouse_fleet_decisions_total[$__rate_interval])')})`,
          '{{reason}}',
        ]),
        curves('Work on Services', { about: 'Takeover, slices, hand-back.', unit: 's' }, [
          quantile(0.99, 'rouse_reconcile_duration_seconds', '', 'outcome'),
          'p99 {{outcome}}',
        ]),
        curves('Work on Services, rate', { about: 'Per second, by how it ended.' }, [
          rateBy('outcome', 'rouse_reconcile_duration_seconds_count'),
          '{{outcome}}',
        ]),
        curves(
          'Budget',
          { about: 'Ceilings of rouse-config: the limit, what is used, and what would be without it.', draw: 'steps' },
          [led('rouse_budget_limit_pods'), 'limit {{namespace}}'],
          [led('rouse_budget_used_pods'), 'used {{namespace}}'],
          [led('rouse_budget_wanted_pods'), 'wanted {{namespace}}'],
        ),
      ],
    ],
    [
      'Hears',
      [
        curves('Watches in touch', { about: 'Of each resource, the worst of all controllers.', draw: 'steps' }, [
          'min by (resource) (rouse_watch_in_touch)',
          '{{resource}}',
        ]),
        curves('Age of watches', { about: 'Since the API server said anything; about once a minute it does.', unit: 's' }, [
          'time() - min by (resource) (rouse_watch_last_heard_timestamp_seconds)',
          '{{resource}}',
        ]),
        curves('Gateways', { about: 'Linked to the leader, by what routes they have.', draw: 'steps', stacked: true }, [
          led('rouse_link_gateways'),
          '{{state}}',
        ]),
        curves('Figures left out', { about: 'Of gateways’ reports, per second by why.' }, [rateBy('reason', 'rouse_report_drops_total'), '{{reason}}']),
        curves('Reads of the metrics API', { about: 'Per second, for cpu and memory.' }, [rateBy('outcome', 'rouse_metrics_api_reads_total'), '{{outcome}}']),
        curves('Gateways’ links', { about: 'Controllers that each gateway is linked to.', draw: 'steps' }, [
          'rouse_gateway_controllers_linked',
          '{{instance}}',
        ]),
      ],
    ],
    [
      'Answers',
      [
        curves('Admission, p99', { about: 'The API server waits 2 s at most.', unit: 's' }, [
          quantile(0.99, 'rouse_admission_duration_seconds', '', 'webhook'),
          '{{webhook}}',
        ]),
        curves('Admission by outcome', { about: 'Calls per second.' }, [
          rateBy('webhook, outcome', 'rouse_admission_duration_seconds_count'),
          '{{webhook}}: {{outcome}}',
        ]),
        curves('Scheduler extender, p99', { about: 'Schedulers wait 30 ms.', unit: 's' }, [
          quantile(0.99, 'rouse_extender_duration_seconds', '', 'verb'),
          '{{verb}}',
        ]),
        curves('Scheduler extender by answer', { about: 'Calls per second.' }, [
          rateBy('verb, reason', 'rouse_extender_answers_total'),
          '{{verb}}: {{reason}}',
        ]),
        curves('Certificates', { about: 'Time until they expire.', unit: 's' }, [
          'min by (certificate) (rouse_certificate_expiry_timestamp_seconds) - time()',
          '{{certificate}}',
        ]),
        curves(
          'Settings',
          { about: '0: problems.', draw: 'steps' },
          ['min(rouse_config_valid)', 'rouse-config'],
          [`min(${led('rouse_settings_valid')})`, 'workloads'],
        ),
      ],
    ],
    [
      'The process',
      [
        curves('CPU', { about: 'Cores.' }, ['rate(process_cpu_seconds_total[$__rate_interval]) and on (job, instance) rouse_leader', '{{instance}}']),
        curves('Event loop', { about: 'Share of the time that it is busy; near 1 it can do no more.', unit: 'percentunit' }, [
          'rate(nodejs_eventloop_busy_seconds_total[$__rate_interval])',
          '{{instance}}',
        ]),
        curves(
          'Memory',
          { about: 'Resident, and the JavaScript heap.', unit: 'bytes' },
          ['process_resident_memory_bytes and on (job, instance) rouse_leader', '{{instance}}'],
          ['nodejs_heap_size_used_bytes and on (job, instance) rouse_leader', '{{instance}} heap'],
        ),
        curves('Up since', { about: 'Age of the process.', unit: 's' }, ['time() - process_start_time_seconds', '{{instance}}']),
      ],
    ],
  ],
});

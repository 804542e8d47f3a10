import { gatewayCodes, type GatewayCode } from '../../core/index.ts';
import type { PlainHistogram } from './histogram.ts';
import { closedLabel, label, noWorkload, type LabelText, type Metric, type Sample } from './series.ts';

/** What the pods of one revision did; the one without a name is for requests that were never given to a pod. */
export interface RevisionFigures {
  readonly revision: string;
  /** Each request once, by the status that the client got. */
  readonly requests: ReadonlyMap<number, number>;
  readonly durationSeconds: PlainHistogram;
  /** Content of bodies, and what went over upgraded and TCP connections. */
  readonly requestBytes: number;
  readonly responseBytes: number;
}

/** What a gateway counts of one workload. */
export interface GatewayWorkloadFigures {
  readonly revisions: Iterable<RevisionFigures>;
  readonly inFlight: number;
  readonly held: number;
  /** What of the hold budget they take. */
  readonly heldBytes: number;
  /** Answers of the gateway's own. */
  readonly refused: ReadonlyMap<GatewayCode, number>;
  readonly holdSeconds: PlainHistogram;
  /** By who broke it off, and whether the answer had begun. */
  readonly aborted: Readonly<Record<'client' | 'pod' | 'gateway', { readonly none: number; readonly begun: number }>>;
  readonly ignored: number;
  readonly pokes: number;
  readonly connectFailures: number;
  /** Requests sent to a pod once more, and those that went there only later, since there were too many. */
  readonly retries: number;
  readonly retriesOverBudget: number;
  /** By reason; and how many pods are out at the moment. */
  readonly ejections: ReadonlyMap<string, number>;
  readonly ejectedPods: number;
  readonly podConnections: { readonly open: number; readonly idle: number; readonly opened: number };
}

export type ShownTraffic = readonly [labels: LabelText, figures: GatewayWorkloadFigures];

type Samples = Iterable<Sample<number>>;
type Unrouted = ReadonlyMap<GatewayCode, number>;

/** Knative's `response_code_class`; a TCP connection has no status, so no class. */
const classOf = (status: number): string => (status >= 100 && status <= 599 ? `${Math.floor(status / 100)}xx` : 'none');
const codeLabels = (status: number): LabelText => `${label('code', String(status))},${label('code_class', classOf(status))}`;
const ofReason = closedLabel('reason');

/** How a revision is told, and what else tells a series apart. */
export type RevisionLabels = (revision: string, more?: LabelText) => LabelText;

const byRevision: RevisionLabels = (revision, more) => (more === undefined ? label('revision', revision) : `${label('revision', revision)},${more}`);

/** What happens to requests, of each workload. Their revisions are read at once: one that goes while others have their turn, and comes again, would be there twice. */
export const trafficMetrics = (shown: readonly ShownTraffic[], unrouted: Unrouted, ofRevision = byRevision): readonly Metric[] => {
  const perWorkload = (figure: (figures: GatewayWorkloadFigures) => number) =>
    function* (): Samples {
      for (const [labels, each] of shown) yield { labels, value: figure(each) };
    };
  function* requests(): Samples {
    for (const [labels, { revisions }] of shown)
      for (const { revision, requests: byCode } of [...revisions])
        for (const [code, value] of byCode) yield { labels, more: ofRevision(revision, codeLabels(code)), value };
    for (const [code, value] of unrouted) yield { labels: noWorkload, more: ofRevision('', codeLabels(gatewayCodes[code])), value };
  }
  function* ejections(): Samples {
    for (const [labels, each] of shown) for (const [reason, value] of each.ejections) yield { labels, more: ofReason(reason), value };
  }
  function* refused(): Samples {
    for (const [labels, each] of shown) for (const [reason, value] of each.refused) yield { labels, more: ofReason(reason), value };
    for (const [reason, value] of unrouted) yield { labels: noWorkload, more: ofReason(reason), value };
  }
  // From 0, also before the first request: by these `workers.ts` knows which revisions there are.
  const perRevision = (figure: (figures: RevisionFigures) => number) =>
    function* (): Samples {
      for (const [labels, { revisions }] of shown) for (const each of [...revisions]) yield { labels, more: ofRevision(each.revision), value: figure(each) };
    };
  function* aborted(): Samples {
    for (const [labels, each] of shown)
      for (const by of brokenOffBy) for (const answer of answers) yield { labels, more: abortedLabels[by][answer], value: each.aborted[by][answer] };
  }
  function* podConnections(): Samples {
    for (const [labels, each] of shown) {
      const { open, idle } = each.podConnections;
      yield { labels, more: 'state="active"', value: open - idle };
      yield { labels, more: 'state="idle"', value: idle };
    }
  }
  return [
    {
      name: 'rouse_gateway_requests_total',
      help: 'Requests by status, each once however often it was tried; held and refused ones too. Without a workload: unknown hosts and unreadable requests.',
      type: 'counter',
      samples: requests,
    },
    {
      name: 'rouse_gateway_request_bytes_total',
      help: 'Content of request bodies, and what clients sent over upgraded and TCP connections.',
      type: 'counter',
      samples: perRevision(({ requestBytes }) => requestBytes),
    },
    {
      name: 'rouse_gateway_response_bytes_total',
      help: 'Content of the bodies of pods’ answers, and what pods sent over upgraded and TCP connections.',
      type: 'counter',
      samples: perRevision(({ responseBytes }) => responseBytes),
    },
    {
      name: 'rouse_gateway_in_flight',
      help: 'Requests in pods and open upgraded connections.',
      type: 'gauge',
      samples: perWorkload(({ inFlight }) => inFlight),
    },
    { name: 'rouse_gateway_held_requests', help: 'Requests that wait for capacity.', type: 'gauge', samples: perWorkload(({ held }) => held) },
    {
      name: 'rouse_gateway_refused_requests_total',
      help: 'Requests that the gateway answered by itself, by the code of the answer.',
      type: 'counter',
      samples: refused,
    },
    {
      name: 'rouse_gateway_aborted_requests_total',
      help: 'Requests that were broken off, by whom, and whether the answer had begun. What a time limit or a drain cuts before that is a refusal.',
      type: 'counter',
      samples: aborted,
    },
    {
      name: 'rouse_gateway_ignored_requests_total',
      help: 'Requests that rouse.dev/ignore-requests names; they are in no other figure.',
      type: 'counter',
      samples: perWorkload(({ ignored }) => ignored),
    },
    {
      name: 'rouse_gateway_pokes_total',
      help: 'Times that the controllers were told that requests wait.',
      type: 'counter',
      samples: perWorkload(({ pokes }) => pokes),
    },
    {
      name: 'rouse_gateway_pod_connections',
      help: 'HTTP connections to pods: those that carry a request, and those that wait for one.',
      type: 'gauge',
      samples: podConnections,
    },
    {
      name: 'rouse_gateway_pod_connections_opened_total',
      help: 'HTTP connections to pods that were begun.',
      type: 'counter',
      samples: perWorkload(({ podConnections: { opened } }) => opened),
    },
    {
      name: 'rouse_gateway_connect_failures_total',
      help: 'Requests that found no connection to their pod, and went to another or back to waiting.',
      type: 'counter',
      samples: perWorkload(({ connectFailures }) => connectFailures),
    },
    {
      name: 'rouse_gateway_retries_total',
      help: 'Requests that were sent to a pod once more: no connection could be made, a kept one was dead, or the pod did not take them on.',
      type: 'counter',
      samples: perWorkload(({ retries }) => retries),
    },
    {
      name: 'rouse_gateway_retries_over_budget_total',
      help: 'Of those: put off, since more than 100 and a fifth of the requests within 10 s were retries.',
      type: 'counter',
      samples: perWorkload(({ retriesOverBudget }) => retriesOverBudget),
    },
    {
      name: 'rouse_gateway_pod_ejections_total',
      help: 'Pods taken out until a probe succeeds: connect (no connection could be made), closed (it ended one before it took a request), protocol (it does not speak HTTP/2 where h2c or grpc is asked for) or broke-off (several answers in a row broke off).',
      type: 'counter',
      samples: ejections,
    },
    {
      name: 'rouse_gateway_ejected_pods',
      help: 'Pods that are not used until a probe succeeds.',
      type: 'gauge',
      samples: perWorkload(({ ejectedPods }) => ejectedPods),
    },
    {
      name: 'rouse_gateway_held_bytes',
      help: 'What held requests take of the budget of the gateway: their memory, in steps of 16 KiB.',
      type: 'gauge',
      samples: perWorkload(({ heldBytes }) => heldBytes),
    },
    {
      name: 'rouse_gateway_hold_seconds',
      help: 'How long requests were held.',
      type: 'histogram',
      *samples() {
        for (const [labels, { holdSeconds: value }] of shown) yield { labels, value };
      },
    },
    {
      name: 'rouse_gateway_request_duration_seconds',
      help: 'Requests from arrival to the end of the answer, time in the queue included. Without upgraded and TCP connections.',
      type: 'histogram',
      *samples() {
        for (const [labels, { revisions }] of shown)
          for (const { revision, durationSeconds: value } of [...revisions]) if (value.count > 0) yield { labels, more: ofRevision(revision), value };
      },
    },
  ];
};

const brokenOffBy = ['client', 'pod', 'gateway'] as const;
const answers = ['none', 'begun'] as const;
const abortedText = (by: string): Readonly<Record<(typeof answers)[number], LabelText>> => ({
  none: `${label('by', by)},${label('answer', 'none')}`,
  begun: `${label('by', by)},${label('answer', 'begun')}`,
});
const abortedLabels = { client: abortedText('client'), pod: abortedText('pod'), gateway: abortedText('gateway') };

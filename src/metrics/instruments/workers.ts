import { isCounting, parseExposition, printExposition, sumExpositions, withoutGoneWorkloads, type ParsedExposition } from './exposition-sum.ts';

/** Gauges of a gateway whose value is that of its worst worker (the one that began first, of those that run). */
const least: ReadonlySet<string> = new Set([
  'process_start_time_seconds',
  'rouse_gateway_controllers_linked',
  'rouse_gateway_certificate_expiry_timestamp_seconds',
  'rouse_gateway_certificate_valid',
  'rouse_gateway_routes_valid',
  'rouse_gateway_workloads_without_series',
]);

export interface WorkerFigures {
  /** Their sum in the text format. Of each worker that runs: its exposition, undefined where it did not answer in time. */
  expose(answers: ReadonlyMap<object, string | undefined>, workers: { readonly wanted: number; readonly serving: number }): string;
  /** Its process is over; `last` is what it still told. */
  ended(worker: object, how: 'crashed' | 'stopped', last: string | undefined): void;
}

/**
 * The metrics of a gateway of several workers as of one gateway. Counts outlive the worker that counted: with its last word, or where it had none (it was killed) with what it said at the
 * last scrape. A worker that does not answer is left out of the gauges and keeps the counts that it last told, and `rouse_gateway_workers_unanswered` says so.
 */
export const createWorkerFigures = (): WorkerFigures => {
  const heard = new Map<object, ParsedExposition>();
  let past: ParsedExposition = { families: new Map() };
  const exits = { crashed: 0, stopped: 0 };
  return {
    expose: (answers, { wanted, serving }) => {
      const current: ParsedExposition[] = [];
      const silent: ParsedExposition[] = [];
      let unanswered = 0;
      for (const [worker, text] of answers) {
        if (text === undefined) {
          unanswered += 1;
          silent.push(heard.get(worker) ?? { families: new Map() });
          continue;
        }
        const parsed = parseExposition(text);
        heard.set(worker, parsed);
        current.push(parsed);
      }
      if (unanswered === 0 && current.length > 0) past = withoutGoneWorkloads(past, sumExpositions(current, [], least));
      const body = printExposition(sumExpositions(current, [...silent, past], least));
      return `${body}\n${ownMetrics(wanted, serving, unanswered, exits)}`;
    },
    ended: (worker, how, last) => {
      const told = last === undefined ? heard.get(worker) : parseExposition(last);
      heard.delete(worker);
      exits[how] += 1;
      if (told === undefined) return;
      const counts = new Map([...told.families].filter(([, { type }]) => isCounting(type)));
      past = sumExpositions([], [past, { families: counts }], least);
    },
  };
};

const ownMetrics = (wanted: number, serving: number, unanswered: number, exits: Readonly<Record<'crashed' | 'stopped', number>>): string =>
  [
    ...metric('rouse_gateway_workers', 'gauge', 'Workers that there should be.', { '': wanted }),
    ...metric('rouse_gateway_workers_serving', 'gauge', 'Workers that serve; one that only ends what it has is none.', { '': serving }),
    ...metric('rouse_gateway_workers_unanswered', 'gauge', 'Workers that did not answer this scrape in time: what they have now is in no gauge.', {
      '': unanswered,
    }),
    ...metric('rouse_gateway_worker_exits_total', 'counter', 'Processes of workers that ended, in order (stopped) or not (crashed).', {
      '{how="crashed"}': exits.crashed,
      '{how="stopped"}': exits.stopped,
    }),
    '',
  ].join('\n');

const metric = (name: string, type: 'counter' | 'gauge', help: string, values: Readonly<Record<string, number>>): readonly string[] => [
  `# HELP ${name} ${help}`,
  `# TYPE ${name} ${type}`,
  ...Object.entries(values).map(([labels, value]) => `${name}${labels} ${value}`),
];

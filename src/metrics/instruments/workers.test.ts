import test from 'ava';
import { createWorkerFigures } from './workers.ts';

const exposition = (requests: number, held: number, valid = 1, workload = 'app'): string =>
  [
    '# HELP rouse_gateway_requests_total Requests.',
    '# TYPE rouse_gateway_requests_total counter',
    `rouse_gateway_requests_total{namespace="default",workload="${workload}",code="200"} ${requests}`,
    '',
    '# HELP rouse_gateway_held_requests Held.',
    '# TYPE rouse_gateway_held_requests gauge',
    `rouse_gateway_held_requests{namespace="default",workload="${workload}"} ${held}`,
    '# HELP rouse_gateway_routes_valid Valid.',
    '# TYPE rouse_gateway_routes_valid gauge',
    `rouse_gateway_routes_valid ${valid}`,
    '# HELP rouse_gateway_hold_seconds Holds.',
    '# TYPE rouse_gateway_hold_seconds histogram',
    `rouse_gateway_hold_seconds_bucket{namespace="default",workload="${workload}",le="+Inf"} ${requests}`,
    `rouse_gateway_hold_seconds_sum{namespace="default",workload="${workload}"} 0.5`,
    '',
  ].join('\n');

const scene = () => {
  const figures = createWorkerFigures();
  return {
    ended: (...end: Parameters<typeof figures.ended>) => figures.ended(...end),
    /** The series of a scrape with these answers. */
    scrape: (...answers: readonly (readonly [object, string | undefined])[]): ReadonlyMap<string, number> => {
      const body = figures.expose(new Map(answers), { wanted: 2, serving: 2 });
      const rows = body.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
      return new Map(rows.map((row) => [row.slice(0, row.lastIndexOf(' ')), Number(row.slice(row.lastIndexOf(' ') + 1))]));
    },
  };
};

const requests = 'rouse_gateway_requests_total{namespace="default",workload="app",code="200"}';
const held = 'rouse_gateway_held_requests{namespace="default",workload="app"}';
const [one, two, three] = [{}, {}, {}];

test('counters, histograms and gauges are added up; of whether the routes are valid the worst counts', (t) => {
  const series = scene().scrape([one, exposition(3, 1)], [two, exposition(4, 2, 0)]);
  t.is(series.get(requests), 7);
  t.is(series.get(held), 3);
  t.is(series.get('rouse_gateway_routes_valid'), 0);
  t.is(series.get('rouse_gateway_hold_seconds_bucket{namespace="default",workload="app",le="+Inf"}'), 7);
  t.is(series.get('rouse_gateway_hold_seconds_sum{namespace="default",workload="app"}'), 1);
  t.is(series.get('rouse_gateway_workers_unanswered'), 0);
});

test('when a certificate expires is not added up, and the worst of whether it is valid counts', (t) => {
  const certificate = (expires: number, valid: number): string =>
    [
      '# HELP rouse_gateway_certificate_expiry_timestamp_seconds Expires.',
      '# TYPE rouse_gateway_certificate_expiry_timestamp_seconds gauge',
      `rouse_gateway_certificate_expiry_timestamp_seconds{file="tls.crt"} ${expires}`,
      '# HELP rouse_gateway_certificate_valid Valid.',
      '# TYPE rouse_gateway_certificate_valid gauge',
      `rouse_gateway_certificate_valid{file="tls.crt"} ${valid}`,
    ].join('\n');
  const series = scene().scrape([one, certificate(1_900_000_000, 1)], [two, certificate(1_800_000_000, 0)]);
  t.is(series.get('rouse_gateway_certificate_expiry_timestamp_seconds{file="tls.crt"}'), 1_800_000_000);
  t.is(series.get('rouse_gateway_certificate_valid{file="tls.crt"}'), 0);
});

test('counts outlive the worker that counted: its last word counts, and where it had none what it said last', (t) => {
  const { scrape, ended } = scene();
  scrape([one, exposition(3, 1)], [two, exposition(4, 2)]);
  ended(one, 'stopped', exposition(5, 0));
  ended(two, 'crashed', undefined);
  const series = scrape([three, exposition(10, 1)]);
  t.is(series.get(requests), 19);
  t.is(series.get(held), 1, 'what a worker held has gone with it');
  t.is(series.get('rouse_gateway_worker_exits_total{how="crashed"}'), 1);
  t.is(series.get('rouse_gateway_worker_exits_total{how="stopped"}'), 1);
});

test('a worker that does not answer keeps its counts, is left out of the gauges, and is told of', (t) => {
  const { scrape } = scene();
  scrape([one, exposition(3, 1)], [two, exposition(4, 2)]);
  const series = scrape([one, exposition(6, 1)], [two, undefined]);
  t.is(series.get(requests), 10);
  t.is(series.get(held), 1);
  t.is(series.get('rouse_gateway_workers_unanswered'), 1);
});

test('a revision that is gone takes the counts of former workers along; one that has not had a request yet keeps them', (t) => {
  const { scrape, ended } = scene();
  const bytes = (revision: string): string => `rouse_gateway_request_bytes_total{namespace="default",workload="app",revision="${revision}"}`;
  const of = (...counts: readonly (readonly [string, number])[]): string =>
    ['# TYPE rouse_gateway_request_bytes_total counter', ...counts.map(([revision, count]) => `${bytes(revision)} ${count}`), ''].join('\n');
  ended(one, 'stopped', of(['old', 5], ['new', 7]));
  const series = scrape([two, of(['new', 0])]);
  t.is(series.get(bytes('new')), 7);
  t.false(series.has(bytes('old')));
});

test('a workload that is gone takes the counts of former workers along', (t) => {
  const { scrape, ended } = scene();
  ended(one, 'stopped', exposition(5, 0, 1, 'old'));
  const series = scrape([two, exposition(1, 0)]);
  t.deepEqual([...series.keys()].filter((key) => key.includes('"old"')), []); // prettier-ignore
  t.is(series.get(requests), 1);
});

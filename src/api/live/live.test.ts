import { createServer, request, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { instant, ManualClock, seconds, workloadKey, type Clock } from '../../core/index.ts';
import { until } from '../../../test/support/until.ts';
import { createApi, type LiveEvent, type LiveReader, type LiveWorkload, type PageAccess, type WorkloadReader } from '../index.ts';
import type { ListMessage, StoryMessage } from './messages.ts';

const start = instant(Date.UTC(2026, 0, 5, 12));

const workload = (name: string, figures: Partial<LiveWorkload> = {}): LiveWorkload => {
  const ref = { resource: 'deployments.apps', namespace: 'default', name };
  return { key: workloadKey(ref), ...ref, desired: 0, ready: 0, held: 0, reason: 'idle', phase: 'asleep', trouble: undefined, ...figures };
};

const nothing: WorkloadReader = {
  workloads: () => [],
  explain: () => undefined,
  why: () => ({ kind: 'not-onboarded' }),
  trace: () => undefined,
  leads: () => true,
  controller: () => ({ version: '1.2.3', identity: 'one', now: start, placement: false, gateways: [] }),
};

interface Scene {
  readonly clock: ManualClock;
  readonly workloads: LiveWorkload[];
  readonly tell: (event: Partial<LiveEvent>) => void;
  /** Looks at all workloads so far. */
  readonly looks: () => number;
  readonly port: number;
  readonly open: (query?: string, headers?: IncomingHttpHeaders) => Promise<Opened>;
}

interface Messages {
  readonly list: ListMessage;
  readonly story: StoryMessage;
  readonly happened: readonly LiveEvent[];
}

interface Opened {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** What has arrived so far, whole. */
  readonly text: () => string;
  readonly events: <Name extends keyof Messages>(name: Name) => readonly Messages[Name][];
  readonly close: () => void;
  readonly isOver: () => boolean;
}

const scene = async (t: ExecutionContext, access: PageAccess = { kind: 'loopback' }, lookMs = 0): Promise<Scene> => {
  const clock = new ManualClock(start);
  const workloads: LiveWorkload[] = [];
  const listeners: ((event: LiveEvent) => void)[] = [];
  let looks = 0;
  let spentMs = 0;
  const reader: LiveReader = {
    workloads: () => {
      looks += 1;
      spentMs += lookMs;
      return workloads;
    },
    ticks: (key) =>
      key === 'default/hello' ? [{ at: start, desired: 2, ready: 1, held: 3, loads: [{ metric: 'concurrency', value: 6, capacity: 5, pods: 1.2 }] }] : [],
    history: (key) => (key === 'default/hello' ? [{ since: start, times: 1, from: 0, to: 2, reason: 'wake-request' }] : []),
    onEvent: (listener) => listeners.push(listener),
    leads: () => true,
  };
  const timed: Clock = {
    now: () => clock.now(),
    monotonic: () => clock.monotonic() + spentMs,
    after: (...asked) => clock.after(...asked),
    every: (...asked) => clock.every(...asked),
    sleep: (...asked) => clock.sleep(...asked),
  };
  const api = createApi(nothing, timed, { reader, access });
  const server = createServer((incoming, response) => {
    api(incoming, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  return {
    clock,
    workloads,
    tell: (event) => {
      for (const listener of listeners) listener({ at: clock.now(), namespace: 'default', name: 'hello', kind: 'scaled', text: '0 → 1', ...event });
    },
    looks: () => looks,
    port,
    open: (query = '', headers = {}) =>
      new Promise((resolve, reject) => {
        const asked = request({ port, host: '127.0.0.1', path: `/ui/live${query}`, headers }, (answer) => {
          let text = '';
          let isOver = false;
          answer.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
          answer.on('close', () => (isOver = true));
          answer.on('error', () => undefined);
          const events = <Name extends keyof Messages>(name: Name): readonly Messages[Name][] =>
            [...text.matchAll(/^event: (\w+)\ndata: (.*)\n\n/gm)]
              .filter(([, event]) => event === name)
              .map(([, , data]) => JSON.parse(data ?? '') as Messages[Name]);
          resolve({ status: answer.statusCode ?? 0, headers: answer.headers, text: () => text, events, close: () => asked.destroy(), isOver: () => isOver });
        });
        asked.on('error', reject).end();
      }),
  };
};

const names = (message: { readonly rows: readonly { readonly name: string }[] } | undefined): readonly string[] =>
  (message?.rows ?? []).map(({ name }) => name);

test('a page that is open gets the list at once and with every beat, and nothing is done for it once it is closed', async (t) => {
  const { workloads, clock, open, looks } = await scene(t);
  workloads.push(
    workload('web', { desired: 1, held: 4, phase: 'waking' }),
    workload('hello', { desired: 2, ready: 1, reason: 'metric-rise', phase: 'scaling-up' }),
  );
  const page = await open();
  t.is(page.headers['content-type'], 'text/event-stream; charset=utf-8');
  t.is(page.headers['cache-control'], 'no-store');
  await until('the first list', () => page.events('list').length === 1);
  t.like(page.events('list')[0], { now: start, leads: true, total: 2, matching: 2, offset: 0 });
  t.like(page.events('list')[0]?.rows[0], {
    name: 'hello',
    desired: 2,
    ready: 1,
    phase: 'scaling-up',
    reason: 'metric-rise',
    why: 'the stable window asks for more pods',
  });
  t.like(page.events('list')[0]?.rows[1], { name: 'web', held: 4, phase: 'waking' });
  t.is(page.events('list')[0]?.rows[0]?.spark.desired.at(-1), 2);
  workloads.pop();
  await clock.advance(seconds(2));
  await until('the second list', () => page.events('list').length === 2);
  t.deepEqual(names(page.events('list')[1]), ['web']);
  page.close();
  await until('it is found out', async () => {
    const before = looks();
    await clock.advance(seconds(2));
    return looks() === before;
  });
});

test('two pages that are open cost one look at the workloads with each beat', async (t) => {
  const { clock, open, looks, workloads } = await scene(t);
  workloads.push(workload('hello'));
  const pages = await Promise.all([open(), open('?workload=default/hello')]);
  await until('both have something', () => pages.every((page) => page.text().includes('"now"')));
  const before = looks();
  await clock.advance(seconds(2));
  t.is(looks(), before + 1);
});

test('the story of one workload has its figures, its decisions and its cold starts; of one that is not onboarded it says how that is done', async (t) => {
  const { open, tell, workloads } = await scene(t);
  workloads.push(workload('hello', { desired: 2, phase: 'waking' }), workload('web'));
  const coldStart = { at: start, totalMs: 10, phases: { decide: 1, schedule: 2, start: 3, ready: 3, forward: 1 } };
  tell({ kind: 'first-byte', coldStart });
  tell({ name: 'web' });
  const page = await open('?workload=default/hello');
  await until('the story', () => page.events('story').length === 1);
  const [story] = page.events('story');
  if (story?.problem !== undefined || story === undefined) return t.fail(story?.problem);
  t.like(story.workload, { name: 'hello', phase: 'waking' });
  t.deepEqual(story.series, { metric: 'concurrency', at: [start], load: [6], capacity: [5], held: [3], desired: [2], ready: [1] });
  t.deepEqual(story.history, [{ since: start, times: 1, from: 0, to: 2, reason: 'wake-request', why: 'a request is waiting' }]);
  t.deepEqual(story.coldStarts, [coldStart]);
  t.deepEqual(
    page.events('happened')[0]?.map(({ kind }: LiveEvent) => kind),
    ['first-byte'],
    'what happened to others is not told',
  );

  const other = await open('?workload=default/helo');
  await until('the answer', () => other.events('story').length === 1);
  t.regex(other.events('story')[0]?.problem ?? '', /^default\/helo is not onboarded: .*; did you mean default\/hello\?$/);
});

test('what happens is told at once, and what happened before to whoever opens the page later', async (t) => {
  const { open, tell } = await scene(t);
  tell({ text: 'onboarded with 0 pods' });
  const page = await open();
  await until('the past', () => page.events('happened').length === 1);
  tell({ text: '0 → 1: a request is waiting' });
  await until('the present', () => page.events('happened').length === 2);
  t.deepEqual(
    page
      .events('happened')
      .flat()
      .map(({ text }: LiveEvent) => text),
    ['onboarded with 0 pods', '0 → 1: a request is waiting'],
  );
});

const five = ['a', 'b', 'c', 'd', 'e'];
const views = [
  ['?limit=2', ['a', 'b'], 5, 0],
  ['?limit=2&offset=4', ['e'], 5, 4],
  ['?limit=2&offset=400', ['e'], 5, 4],
  ['?filter=DEFAULT/C', ['c'], 1, 0],
  ['?filter=nowhere', [], 0, 0],
  ['?order=desc&limit=2', ['e', 'd'], 5, 0],
  ['?sort=held&order=desc&limit=3', ['d', 'b', 'a'], 5, 0],
  ['?sort=phase', ['e', 'd', 'a', 'b', 'c'], 5, 0],
  ['?phase=asleep', ['c'], 1, 0],
] as const;

for (const [query, expected, matching, offset] of views)
  test(`of five workloads ${query} shows ${expected.join(', ') || 'none'}`, async (t) => {
    const { open, workloads } = await scene(t);
    const figures: Readonly<Record<string, Partial<LiveWorkload>>> = {
      a: { ready: 1, phase: 'active' },
      b: { ready: 1, held: 1, phase: 'active' },
      d: { desired: 1, held: 2, phase: 'waking' },
      e: { desired: 1, phase: 'failing', trouble: 'no node takes the pod' },
    };
    workloads.push(...[...five].reverse().map((name) => workload(name, figures[name])));
    const page = await open(query);
    await until('the list', () => page.events('list').length === 1);
    t.deepEqual(names(page.events('list')[0]), expected);
    t.like(page.events('list')[0], { total: 5, matching, offset });
  });

const wrong = [
  ['?sort=cost', 'sort is "cost": want one of name, phase, desired, ready, held, such as sort=name'],
  ['?limit=-1', 'limit is "-1": want a whole number from 1 on, such as limit=50'],
  ['?offset=x', 'offset is "x": want a whole number from 0 on, such as offset=0'],
  ['?filter=a&filter=b', 'filter is given more than once: want it once'],
  ['?workload=hello', 'workload is "hello": want NAMESPACE/NAME, such as workload=default/hello'],
] as const;

for (const [query, detail] of wrong)
  test(`${query} is refused in words`, async (t) => {
    const { open } = await scene(t);
    const page = await open(query);
    t.is(page.status, 400);
    await until('the answer', page.isOver);
    t.deepEqual(JSON.parse(page.text()), { code: 'bad-query', detail });
  });

test('one that asks a loopback address by another name is refused: a page of elsewhere would do that', async (t) => {
  const { open, port } = await scene(t);
  for (const host of [`localhost:${String(port)}`, '127.0.0.1', '[::1]:9090', 'rouse.localhost']) t.is((await open('', { host })).status, 200, host);
  for (const host of ['rouse.example.com', '127.0.0.1.example.com', 'localhost.example.com:9090', '10.0.0.1'])
    t.is((await open('', { host })).status, 403, host);
});

test('in a cluster the data is for who has a token that is let in; the page itself is there for everybody', async (t) => {
  const asked: string[] = [];
  const check = (token: string): ReturnType<Extract<PageAccess, { kind: 'token' }>['check']> => {
    asked.push(token);
    if (token === 'good') return Promise.resolve({ kind: 'allowed' });
    return Promise.resolve({ kind: token === 'poor' ? 'forbidden' : token === 'early' ? 'busy' : 'unknown', detail: `no: ${token}` });
  };
  const { open, port } = await scene(t, { kind: 'token', check });
  const files = await Promise.all(['', 'main.js', 'page.css', 'chart/uPlot.esm.js'].map((file) => fetch(`http://127.0.0.1:${String(port)}/ui/${file}`)));
  t.deepEqual(
    files.map(({ status }) => status),
    [200, 200, 200, 200],
  );
  const none = await open();
  t.is(none.status, 401);
  t.is(none.headers['www-authenticate'], 'Bearer');
  t.is((await open('', { authorization: 'Basic Z29vZDpnb29k' })).status, 401);
  t.deepEqual(asked, []);
  t.is((await open('', { authorization: 'Bearer good' })).status, 200);
  t.is(
    (await open('', { 'rouse-authorization': 'Bearer good', authorization: 'Bearer of-the-proxy' })).status,
    200,
    'through a proxy that keeps Authorization for itself',
  );
  const bad = await open('', { authorization: 'Bearer bad' });
  t.is(bad.status, 401);
  await until('the answer', bad.isOver);
  t.deepEqual(JSON.parse(bad.text()), { code: 'bad-token', detail: 'no: bad' });
  t.is((await open('', { authorization: 'Bearer poor' })).status, 403);
  t.is((await open('', { authorization: 'Bearer early' })).status, 503);
});

test('the page may load nothing from elsewhere, run no inline script and stand in no frame', async (t) => {
  const { port } = await scene(t);
  const answer = await fetch(`http://127.0.0.1:${String(port)}/`);
  t.is(new URL(answer.url).pathname, '/ui/');
  const policy = answer.headers.get('content-security-policy') ?? '';
  for (const part of ["default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'", "frame-ancestors 'none'"])
    t.true(policy.includes(part), part);
  t.false(/unsafe|https?:/.test(policy));
  t.is(answer.headers.get('x-content-type-options'), 'nosniff');
  t.false(/<script(?![^>]*\bsrc=)|\son\w+=|https?:\/\//.test(await answer.text()));
  t.is((await fetch(`http://127.0.0.1:${String(port)}/ui/../index.ts`)).status, 404);
  t.is((await fetch(`http://127.0.0.1:${String(port)}/ui/..%2findex.ts`)).status >= 400, true);
});

test('a controller that is short of time shows pages less, and says that it is there', async (t) => {
  const { open, clock, workloads, looks } = await scene(t, { kind: 'loopback' }, 400);
  workloads.push(workload('hello'));
  const page = await open();
  for (let beat = 0; beat < 10; beat++) await clock.advance(seconds(2));
  await until('it was told so', () => page.text().includes(': busy'));
  t.true(looks() <= 7, String(looks()));
});

test('beyond 64 open pages one more is refused, and there is room when one goes', async (t) => {
  const { open } = await scene(t);
  const pages = await Promise.all(Array.from({ length: 64 }, () => open()));
  const beyond = await open();
  t.is(beyond.status, 503);
  t.is(beyond.headers['retry-after'], '5');
  pages[0]?.close();
  await until('there is room', async () => (await open()).status === 200);
});

test('after ten minutes a page has to ask again', async (t) => {
  const { open, clock } = await scene(t);
  const page = await open();
  for (let minute = 0; minute < 9; minute++) await clock.advance(seconds(60));
  t.false(page.isOver());
  await clock.advance(seconds(62));
  await until('it is over', page.isOver);
});

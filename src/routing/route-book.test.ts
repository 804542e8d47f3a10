import test from 'ava';
import { instant, ManualClock, millis, workloadKey, type WorkloadKey, type WorkloadRoute } from '../core/index.ts';
import type { RouteChange } from './ports.ts';
import { RouteBook } from './route-book.ts';

const key = (name: string): WorkloadKey => workloadKey({ resource: 'deployments.apps', namespace: 'default', name });
const route = (name: string, ports: readonly number[], holdQueueDepth = 1): WorkloadRoute => ({
  workload: key(name),
  listeners: ports.map((port) => ({ address: undefined, port, protocol: 'http1', target: '8080' })),
  hosts: [{ host: `${name}.default`, protocol: 'http1', target: '8080' }],
  pods: [],
  wakeFailure: undefined,
  containerConcurrency: undefined,
  holdQueueDepth,
  holdTimeoutMs: 0,
  waitingPage: false,
  requestTimeoutMs: 0,
  responseStartTimeoutMs: 0,
  idleTimeoutMs: 0,
  ignoreRequests: [],
  sessionAffinity: 'none',
});

const bookOf = () => {
  const clock = new ManualClock(instant(0));
  const routes = new Map<WorkloadKey, WorkloadRoute>();
  const published: RouteChange[] = [];
  const book = new RouteBook({ build: (of) => routes.get(of), publish: (change) => published.push(change), clock, linger: millis(5000) });
  const settle = (): Promise<void> => clock.advance(millis(0));
  return { clock, routes, published, book, settle };
};

test('nothing is said before everything is known; the first word is everything', async (t) => {
  const { book, routes, published, settle } = bookOf();
  routes.set(key('a'), route('a', [20000]));
  book.touch(key('a'));
  await settle();
  t.deepEqual(published, []);
  book.publishAll([key('a')]);
  t.deepEqual(published, [{ full: true, upsert: [route('a', [20000])], remove: [] }]);
});

test('changes of one turn go out together, and what did not change is not said', async (t) => {
  const { book, routes, published, settle } = bookOf();
  for (const name of ['a', 'b', 'c']) routes.set(key(name), route(name, []));
  book.publishAll(routes.keys());
  routes.set(key('a'), route('a', [], 2));
  routes.delete(key('b'));
  for (const name of ['a', 'b', 'c', 'a']) book.touch(key(name));
  t.is(published.length, 1);
  await settle();
  t.deepEqual(published.slice(1), [{ full: false, upsert: [route('a', [], 2)], remove: [key('b')] }]);
  book.touch(key('a'));
  await settle();
  t.is(published.length, 2);
});

test('a port is served from the revision on in which it was first published, whatever changes beside it', async (t) => {
  const { book, routes, settle } = bookOf();
  routes.set(key('a'), route('a', [20000]));
  book.publishAll(routes.keys());
  t.is(book.publishedAt(key('a'), [20000]), 1);
  t.is(book.publishedAt(key('a'), [20001]), undefined);
  routes.set(key('a'), route('a', [20000, 20001], 2));
  book.touch(key('a'));
  await settle();
  t.is(book.publishedAt(key('a'), [20000]), 1);
  t.is(book.publishedAt(key('a'), [20000, 20001]), 2);
  book.publishAll(routes.keys());
  t.is(book.publishedAt(key('a'), [20000]), 3);
});

test('a port outlives its Service for a while, also when the workload is gone', async (t) => {
  const { book, routes, published, settle, clock } = bookOf();
  routes.set(key('a'), route('a', [20000]));
  book.publishAll(routes.keys());
  routes.delete(key('a'));
  book.touch(key('a'));
  await settle();
  t.deepEqual(
    published.at(-1)?.upsert[0]?.listeners.map(({ port }) => port),
    [20000],
  );
  t.deepEqual(published.at(-1)?.upsert[0]?.hosts, []);
  t.deepEqual([...book.lingeringPorts()], [20000]);
  await clock.advance(millis(4999));
  t.is(published.length, 2);
  await clock.advance(millis(1));
  t.deepEqual(published.at(-1), { full: false, upsert: [], remove: [key('a')] });
  t.deepEqual([...book.lingeringPorts()], []);
});

test('a port that comes back while it lingers is simply kept', async (t) => {
  const { book, routes, published, settle, clock } = bookOf();
  routes.set(key('a'), route('a', [20000]));
  book.publishAll(routes.keys());
  routes.set(key('a'), route('a', []));
  book.touch(key('a'));
  await settle();
  routes.set(key('a'), route('a', [20000]));
  book.touch(key('a'));
  await settle();
  await clock.advance(millis(10_000));
  t.deepEqual(
    published.at(-1)?.upsert[0]?.listeners.map(({ port }) => port),
    [20000],
  );
  t.is(book.publishedAt(key('a'), [20000]), 1);
  t.deepEqual([...book.lingeringPorts()], []);
});

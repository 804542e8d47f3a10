import test from 'ava';
import fc from 'fast-check';
import { MemoryApi } from '../../../test/support/memory-kube-client.ts';
import { instant, ManualClock, seconds, silentLogger, workloadKey, type Logger } from '../../core/index.ts';
import { resources } from '../../kube/index.ts';
import { hello } from '../testing/views.ts';
import { HistoryStore } from './history-store.ts';
import { recentMedian, withSample } from './recent-median.ts';
import { historyLimits, StartHistory } from './start-history.ts';
import { parseHistory, printHistory } from './written-history.ts';

const record = (history: StartHistory, node: string, ms: number | undefined, revision = 'r1', workload = hello): void => {
  history.record({ workload, revision, node, ms });
};
const other = workloadKey({ resource: 'deployments.apps', namespace: 'default', name: 'other' });

test('the median goes with what is new: one odd start does not move it, three do', (t) => {
  const from = (...samples: readonly number[]): number | undefined => recentMedian(samples.reduce<readonly number[]>(withSample, []));
  t.is(from(), undefined);
  t.is(from(10, 11, 12, 100), 12);
  t.is(from(10, 11, 12, 11, 10, 100, 101, 102), 100);
});

test('it is one of the samples and never outside of them', (t) => {
  fc.assert(
    fc.property(fc.array(fc.double({ min: 0.01, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 20 }), (all) => {
      const samples = all.reduce<readonly number[]>(withSample, []);
      t.true(samples.length <= 8 && samples.includes(recentMedian(samples) ?? -1));
    }),
  );
});

test('a node is as slow as its starts are multiples of what is typical, whichever revision', (t) => {
  const history = new StartHistory();
  for (const node of ['n1', 'n2', 'n3']) record(history, node, 1000);
  record(history, 'slow', 4000);
  t.is(history.of(hello, 'r1').slowness('slow'), 4);
  t.is(history.of(other, 'r9').slowness('slow'), undefined);
  t.is(history.slowness('slow'), 4);
  t.is(history.slowness('unseen'), undefined);
});

test('a first start, for which the image had to come, is compared with first starts', (t) => {
  const history = new StartHistory();
  for (const node of ['n1', 'n2', 'n3']) record(history, node, 30_000);
  for (const node of ['n1', 'n2', 'n3']) record(history, node, 1000);
  t.is(history.of(hello, 'r1').slowness('n1'), 1);
  record(history, 'n4', 30_000);
  t.is(history.of(hello, 'r1').slowness('n4'), 1);
});

test('how long the image takes to come is what first starts of the revision took longer, once both were seen', (t) => {
  const history = new StartHistory();
  const pull = (revision: string): unknown => history.of(hello, revision).pull();
  t.is(pull('r1'), 'nowhere');
  record(history, 'n1', 6000);
  t.is(pull('r1'), 'unseen');
  record(history, 'n1', 2000);
  t.is(pull('r1'), 2);
  t.is(pull('r2'), 'nowhere');
  history.nodeGone('n1');
  t.is(pull('r1'), 'nowhere');
});

test('where a revision has run is known, also where its start was not seen', (t) => {
  const history = new StartHistory();
  record(history, 'n1', undefined);
  t.true(history.hasRun(hello, 'r1', 'n1'));
  t.false(history.hasRun(hello, 'r2', 'n1'));
  t.is(history.of(hello, 'r1').slowness('n1'), undefined);
  const { version } = history;
  record(history, 'n1', undefined);
  for (const nonsense of [-1, Number.NaN, Infinity, 16 * 60_000]) record(history, 'n2', nonsense);
  t.is(history.version, version);
});

test('a workload, and a node, that is gone leaves nothing', (t) => {
  const history = new StartHistory();
  record(history, 'n1', 1000);
  record(history, 'n2', 1000, 'r1', other);
  history.forget(hello);
  history.nodeGone('n2');
  t.deepEqual(
    [...history.revisions()].map(({ workload, nodes }) => [workload, nodes.size]),
    [[other, 0]],
  );
  t.deepEqual(
    [...history.nodes()].map(([node]) => node),
    ['n1'],
  );
});

test('it is bounded: old revisions, and what was used longest ago, go first', (t) => {
  const history = new StartHistory();
  for (let index = 0; index < 6; index++) record(history, 'n1', 1000, `r${index}`);
  t.deepEqual(
    [...history.revisions()].map(({ revision }) => revision),
    ['r3', 'r4', 'r5'],
  );
  const keyOf = (index: number) => workloadKey({ resource: 'deployments.apps', namespace: 'default', name: `w${index}` });
  for (let index = 0; index < historyLimits.entries + 500; index++) record(history, `n${index % 101}`, 1000, 'r', keyOf(index % 200));
  let entries = 0;
  for (const { nodes } of history.revisions()) {
    t.true(nodes.size <= historyLimits.nodesOfRevision);
    entries += nodes.size;
  }
  t.true(entries <= historyLimits.entries);
});

const filled = (revisions: number): StartHistory => {
  const history = new StartHistory();
  for (let index = 0; index < revisions * 30; index++)
    record(
      history,
      `ip-10-0-${index % 700}.eu-central-1.compute.internal`,
      1000 + (index % 977),
      'abcdef0123',
      workloadKey({ resource: 'deployments.apps', namespace: 'default', name: `workload-${index % revisions}` }),
    );
  return history;
};

test('what is printed is read again, and takes 512 KiB at most, the newest of it', (t) => {
  const small = filled(20);
  const read = parseHistory(printHistory(small));
  t.is(read.dropped, 0);
  t.deepEqual(read.revisions, [...small.revisions()] as never);
  t.deepEqual(read.nodes, [...small.nodes()]);
  const large = filled(1500);
  const printed = printHistory(large);
  const size = Buffer.byteLength(Object.entries(printed).flat().join(''));
  t.true(size <= 512 * 1024 && size > 350 * 1024, String(size));
  t.deepEqual(parseHistory(printed).revisions.at(-1), [...large.revisions()].at(-1) as never);
});

test('garbage in it is dropped, line by line, and takes nothing along', (t) => {
  const { revisions, nodes } = printHistory(filled(1));
  const odd = [
    '',
    '{',
    'null',
    '[]',
    '{"workload":"x"}',
    '["n",[0]]',
    '["n",["1"]]',
    '["n",[1e999]]',
    '{"workload":"a/b","revision":"r","first":[],"again":[],"nodes":{"n":[-1]}}',
  ];
  const read = parseHistory({ revisions: [...odd, revisions].join('\n'), nodes: [nodes, ...odd].join('\n') });
  t.is(read.revisions.length, 1);
  t.is(read.nodes.length, 30);
  t.is(read.dropped, 2 * odd.length);
  fc.assert(
    fc.property(fc.dictionary(fc.constantFrom('revisions', 'nodes', 'x'), fc.oneof(fc.string(), fc.json())), (data) => {
      const history = new StartHistory();
      const found = parseHistory(data);
      history.adopt(found.revisions, found.nodes);
      t.true((history.of(hello, 'r').slowness('n') ?? 1) > 0);
    }),
  );
});

const store = (history: StartHistory, api: MemoryApi, clock: ManualClock, logger: Logger = silentLogger) => {
  const client = api.client();
  return { client, store: new HistoryStore({ client, clock, logger, history }) };
};
const end = new AbortController();

test('the leader writes it every 5 minutes at most, where it has changed, and the next process reads it', async (t) => {
  const [api, clock, history, term] = [new MemoryApi(), new ManualClock(instant(0)), new StartHistory(), new AbortController()];
  const { client, store: leader } = store(history, api, clock);
  await leader.read(end.signal);
  record(history, 'n1', 1000);
  const leading = leader.lead(term.signal);
  await clock.advance(seconds(299));
  t.deepEqual(client.calls, ['get']);
  await clock.advance(seconds(1));
  t.deepEqual(client.calls, ['get', 'mergePatch', 'create']);
  await clock.advance(seconds(600));
  t.is(client.calls.length, 3);
  record(history, 'n2', 1000);
  await clock.advance(seconds(300));
  t.deepEqual(client.calls.slice(3), ['mergePatch']);
  const next = new StartHistory();
  await store(next, api, clock).store.read(end.signal);
  t.true(next.hasRun(hello, 'r1', 'n2'));
  term.abort();
  await leading;
});

test('what has been seen before it was read goes before it', async (t) => {
  const [api, clock, old] = [new MemoryApi(), new ManualClock(instant(0)), new StartHistory()];
  record(old, 'n1', 1000);
  record(old, 'n9', 1000, 'r1', other);
  await api.client().create(resources.configMaps, { metadata: { namespace: 'rouse-system', name: 'rouse-placement-history' }, data: printHistory(old) });
  const history = new StartHistory();
  record(history, 'n2', 1000);
  await store(history, api, clock).store.read(end.signal);
  t.true(history.hasRun(hello, 'r1', 'n2'));
  t.true(history.hasRun(other, 'r1', 'n9'));
});

test('a history that cannot be read or written is a line in the log, and garbage is told', async (t) => {
  const [api, clock, term, lines] = [new MemoryApi(), new ManualClock(instant(0)), new AbortController(), [] as string[]];
  const logger: Logger = { ...silentLogger, warn: (message) => lines.push(message), child: () => logger };
  const broken = store(new StartHistory(), api, clock, logger);
  broken.client.fault = () => 'forbidden';
  await broken.store.read(end.signal);
  const history = new StartHistory();
  const failing = store(history, api, clock, logger);
  failing.client.fault = () => 'forbidden';
  record(history, 'n1', 1);
  const leading = failing.store.lead(term.signal);
  await clock.advance(seconds(300));
  term.abort();
  await leading;
  await api.client().create(resources.configMaps, { metadata: { namespace: 'rouse-system', name: 'rouse-placement-history' }, data: { revisions: 'what?' } });
  await store(new StartHistory(), api, clock, logger).store.read(end.signal);
  t.deepEqual(
    lines.map((line) => /could not be read|could not be written|dropped/.exec(line)?.[0]),
    ['could not be read', 'could not be written', 'dropped'],
  );
});

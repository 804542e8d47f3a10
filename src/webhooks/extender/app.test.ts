import { once } from 'node:events';
import { createServer, request as httpRequest } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { instant, ManualClock, millis, silentLogger, systemClock, type Clock, type Logger } from '../../core/index.ts';
import { namesOnlyCall, podToPlace, wholeNodesCall } from '../../../test/support/extender-call.ts';
import { FakePlacer, type FakePlacerOptions } from '../../../test/support/fake-placer.ts';
import { until } from '../../../test/support/until.ts';
import { createExtender, type Extender } from './app.ts';
import type { Placer } from './ports.ts';

interface Running {
  readonly url: string;
  readonly port: number;
  readonly figures: Extender['figures'];
}

const serve = async (t: ExecutionContext, placer: Placer, clock: Pick<Clock, 'monotonic'> = systemClock, logger: Logger = silentLogger): Promise<Running> => {
  const { app, figures } = createExtender({ placer, clock, logger });
  // For longer than we may stand still: a connection that ends just as it is used again fails its call.
  const server = createServer({ keepAliveTimeout: 60_000 }, app).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}/extender`, port, figures };
};

const json = { 'content-type': 'application/json' };
const post = async (url: string, verb: string, body: string | object): Promise<{ readonly status: number; readonly body: unknown }> => {
  const answer = await fetch(`${url}/${verb}`, { method: 'POST', headers: json, body: typeof body === 'string' ? body : JSON.stringify(body) });
  return { status: answer.status, body: await answer.json() };
};
const answered = async (url: string, verb: string, body: object): Promise<unknown> => {
  const answer = await post(url, verb, body);
  if (answer.status !== 200) throw new Error(JSON.stringify(answer));
  return answer.body;
};
/** A call is counted when its answer is out: the client may be ahead of that. */
const counted = (t: ExecutionContext, { figures }: Running, verb: 'filter' | 'prioritize', want: Readonly<Record<string, number>>): Promise<void> =>
  until('the calls are counted', () => figures.durationSeconds.get(verb)?.count === Object.values(want).reduce((sum, value) => sum + value, 0)).then(
    () => void t.deepEqual(Object.fromEntries(figures.answers.get(verb) ?? []), want),
  );

const nodes = {
  warm: { score: 9, pool: 'base' },
  twin: { score: 9, pool: 'burst' },
  cold: { score: 2, pool: 'base' },
  leaving: { score: 0, pool: 'burst' },
};
const all = Object.keys(nodes);
const pod = podToPlace('web');
const plain = (body: object): object => ({ FailedNodes: {}, FailedAndUnresolvableNodes: {}, Error: '', ...body });

test('prioritize scores nodes by name, and the placer hears which ones were best', async (t) => {
  const placer = new FakePlacer({ nodes });
  const running = await serve(t, placer);
  t.deepEqual(await answered(running.url, 'prioritize', namesOnlyCall(pod, ['cold', 'twin', 'warm', 'leaving'])), [
    { Host: 'cold', Score: 2 },
    { Host: 'twin', Score: 9 },
    { Host: 'warm', Score: 9 },
    { Host: 'leaving', Score: 0 },
  ]);
  t.deepEqual(placer.best, [['twin', 'warm']]);
  const { object, ...asked } = placer.asked[0] ?? {};
  t.deepEqual(asked, {
    uid: 'uid-of-web',
    namespace: 'shop',
    name: 'web-5f7d-x2x9z',
    owner: { kind: 'ReplicaSet', name: 'web-5f7d', uid: 'rs' },
    templateHash: '5f7d',
  });
  t.deepEqual(object, pod as typeof object);
  await counted(t, running, 'prioritize', { scored: 1 });
});

test('where filter leaves one node no scheduler asks further: the placer hears that the pod goes there', async (t) => {
  const placer = new FakePlacer({ nodes, pool: 'base' });
  const running = await serve(t, placer);
  await answered(running.url, 'filter', namesOnlyCall(pod, ['cold', 'twin', 'warm']));
  t.deepEqual(placer.best, [], 'two are left, and will be asked about');
  await answered(running.url, 'filter', namesOnlyCall(pod, ['cold', 'twin', 'leaving']));
  await answered(running.url, 'filter', namesOnlyCall(pod, ['twin']));
  t.deepEqual(placer.best, [['cold'], ['twin']]);
});

test('a node that nobody knows gets a middling score, and is counted', async (t) => {
  const placer = new FakePlacer({ nodes });
  const running = await serve(t, placer);
  t.deepEqual(await answered(running.url, 'prioritize', namesOnlyCall(pod, ['cold', 'new'])), [
    { Host: 'cold', Score: 2 },
    { Host: 'new', Score: 5 },
  ]);
  t.deepEqual(placer.best, [['new']]);
  await counted(t, running, 'prioritize', { 'unknown-nodes': 1 });
});

const sentNode = { metadata: { name: 'new', labels: { score: '7', pool: 'base' } }, spec: { podCIDR: '10.0.0.0/24' }, status: { phase: 'x' } };
const coldNode = { metadata: { name: 'cold', labels: {} }, spec: { unschedulable: true } };

test('of whole nodes that the scheduler sent along, those are used that are not known otherwise', async (t) => {
  const placer = new FakePlacer({ nodes });
  const { url } = await serve(t, placer);
  t.deepEqual(await answered(url, 'prioritize', wholeNodesCall(pod, [sentNode, coldNode])), [
    { Host: 'new', Score: 7 },
    { Host: 'cold', Score: 2 },
  ]);
});

test('filter leaves the nodes of the pool, as names or whole, as they were sent', async (t) => {
  const running = await serve(t, new FakePlacer({ nodes, pool: 'burst' }));
  t.deepEqual(await answered(running.url, 'filter', namesOnlyCall(pod, all)), plain({ NodeNames: ['twin', 'leaving'] }));
  const burst = { ...sentNode, metadata: { name: 'x', labels: { score: '1', pool: 'burst' } } };
  t.deepEqual(await answered(running.url, 'filter', wholeNodesCall(pod, [coldNode, burst])), plain({ Nodes: { metadata: {}, items: [burst] } }));
  await counted(t, running, 'filter', { scored: 2 });
});

test('filter leaves all nodes where none is known to be of the pool, and where the pod belongs to none', async (t) => {
  const { url } = await serve(t, new FakePlacer({ nodes, pool: 'other' }));
  t.deepEqual(await answered(url, 'filter', namesOnlyCall(pod, [...all, 'new'])), plain({ NodeNames: [...all, 'new'] }));
  const free = await serve(t, new FakePlacer({ nodes }));
  t.deepEqual(await answered(free.url, 'filter', namesOnlyCall(pod, all)), plain({ NodeNames: all }));
});

test('a list without nodes comes back as it is', async (t) => {
  const placer = new FakePlacer({ nodes, pool: 'base' });
  const { url } = await serve(t, placer);
  t.deepEqual(await answered(url, 'filter', namesOnlyCall(pod, [])), plain({ NodeNames: [] }));
  t.deepEqual(await answered(url, 'filter', { Pod: pod, Nodes: { metadata: {}, items: null } }), plain({ Nodes: { metadata: {}, items: [] } }));
  t.deepEqual(await answered(url, 'prioritize', namesOnlyCall(pod, [])), []);
  t.deepEqual(placer.best, []);
});

const sameForAll = test.macro(async (t: ExecutionContext, options: FakePlacerOptions, workload: string, reason: string) => {
  const placer = new FakePlacer({ nodes, pool: 'base', ...options });
  const running = await serve(t, placer);
  const call = namesOnlyCall(podToPlace(workload), [...all, 'new']);
  t.deepEqual(await answered(running.url, 'prioritize', call), []);
  t.deepEqual(await answered(running.url, 'filter', call), plain({ NodeNames: [...all, 'new'] }));
  const whole = wholeNodesCall(podToPlace(workload), [sentNode, coldNode]);
  t.deepEqual(await answered(running.url, 'filter', whole), plain({ Nodes: { metadata: {}, items: [sentNode, coldNode] } }));
  t.deepEqual(placer.judged, []);
  t.is(placer.asked.length, 3);
  t.deepEqual(placer.best, []);
  await counted(t, running, 'prioritize', { [reason]: 1 });
  await counted(t, running, 'filter', { [reason]: 2 });
});
test("a pod that is no workload's gets the same for all nodes after one look-up", sameForAll, {}, 'other', 'not-ours');
test('so does a pod whose policy is off', sameForAll, {}, 'off', 'off');
test('so does every pod as long as nodes and pods have not been read', sameForAll, { synced: false }, 'web', 'not-synced');

test('a pod without a controller is asked about without an owner', async (t) => {
  const placer = new FakePlacer({ nodes });
  const { url } = await serve(t, placer);
  for (const metadata of [
    { ownerReferences: undefined, labels: undefined },
    { ownerReferences: [{ kind: 'ReplicaSet', name: 'web-5f7d', uid: 'rs' }, null, 7], labels: { 'pod-template-hash': 7 } },
  ])
    await answered(url, 'prioritize', namesOnlyCall(podToPlace('web', metadata), all));
  t.deepEqual(
    placer.asked.map(({ owner, templateHash }) => [owner, templateHash]),
    [
      [undefined, undefined],
      [undefined, undefined],
    ],
  );
});

test('after 5 ms of judging all nodes get the same, and no placer hears of an answer', async (t) => {
  const clock = new ManualClock(instant(0));
  const placer = new FakePlacer({ nodes, pool: 'base', onJudge: () => void clock.advance(millis(2)) });
  const running = await serve(t, placer, clock);
  const names = Array.from({ length: 5000 }, (_, index) => `node-${index}`);
  const call = namesOnlyCall(pod, [...names, ...all]);
  t.deepEqual(await answered(running.url, 'prioritize', call), []);
  t.deepEqual(await answered(running.url, 'filter', call), plain({ NodeNames: [...names, ...all] }));
  t.deepEqual(placer.judged, [250, 250, 250, 250, 250, 250]);
  t.deepEqual(placer.best, []);
  await counted(t, running, 'prioritize', { 'over-budget': 1 });
  await counted(t, running, 'filter', { 'over-budget': 1 });
});

test('what all nodes got in one go is an answer, however long it took', async (t) => {
  const clock = new ManualClock(instant(0));
  const running = await serve(t, new FakePlacer({ nodes, onJudge: () => void clock.advance(millis(20)) }), clock);
  t.deepEqual(await answered(running.url, 'prioritize', namesOnlyCall(pod, ['warm'])), [{ Host: 'warm', Score: 9 }]);
  await counted(t, running, 'prioritize', { scored: 1 });
});

test('a placer that fails places nothing badly: all nodes get the same, and it is told', async (t) => {
  const told: unknown[] = [];
  const broken: Placer = {
    placementOf: () => {
      throw new Error('broken');
    },
  };
  const running = await serve(t, broken, systemClock, { ...silentLogger, error: (message, fields) => told.push([message, fields?.['name']]) });
  t.deepEqual(await answered(running.url, 'prioritize', namesOnlyCall(pod, ['a'])), []);
  t.deepEqual(await answered(running.url, 'filter', namesOnlyCall(pod, ['a'])), plain({ NodeNames: ['a'] }));
  t.deepEqual(told[0], ['a pod was placed without us', 'web-5f7d-x2x9z']);
  await counted(t, running, 'filter', { failed: 1 });
});

const refused = test.macro(async (t: ExecutionContext, body: string | object, status: number, want: RegExp, reason?: string) => {
  const running = await serve(t, new FakePlacer({ nodes, pool: 'base' }));
  const scores = await post(running.url, 'prioritize', body);
  t.is(scores.status, status);
  t.regex((scores.body as { readonly error: string }).error, want);
  const rest = await post(running.url, 'filter', body);
  t.is(rest.status, 200);
  t.regex((rest.body as { readonly Error: string }).Error, want);
  t.deepEqual(Object.keys(rest.body as object), ['Error']);
  await counted(t, running, 'prioritize', { [reason ?? 'invalid']: 1 });
  await counted(t, running, 'filter', { [reason ?? 'invalid']: 1 });
});
test('no JSON is refused', refused, '{"Pod":', 400, /the body is not JSON/);
test('a list is refused', refused, [], 400, /want a JSON object with "Pod"/);
test('keys in small letters are refused: the types have no JSON tags', refused, { pod, nodenames: [] }, 400, /want an object "Pod"/);
test('a call without any list is refused', refused, { Pod: pod, Nodes: null, NodeNames: null }, 400, /want either "NodeNames" or "Nodes"/);
test('a call with both is refused', refused, { Pod: pod, Nodes: { items: [] }, NodeNames: [] }, 400, /want either "NodeNames" or "Nodes"/);
test('names that are none are refused', refused, { Pod: pod, NodeNames: ['a', 7] }, 400, /want texts in "NodeNames"/);
test('a name without end is refused', refused, { Pod: pod, NodeNames: ['a'.repeat(254)] }, 400, /want texts in "NodeNames"/);
test('nodes without names are refused', refused, { Pod: pod, Nodes: { items: [{ metadata: {} }] } }, 400, /"metadata.name"/);
test('a pod without a uid is refused', refused, { Pod: { metadata: { name: 'a', namespace: 'b' } }, NodeNames: [] }, 400, /Pod\.metadata\.uid/);
test('more than 50,000 nodes are refused', refused, { Pod: pod, NodeNames: Array.from({ length: 50_001 }, () => 'a') }, 400, /more than 50000 nodes/);
test('more than 16 MiB are refused', refused, `{"a":"${'x'.repeat(17 * 1024 * 1024)}"}`, 413, /larger than 16777216 bytes/, 'too-large');

test('a body of another type, a packed one, another method, another path', async (t) => {
  const { url } = await serve(t, new FakePlacer({ nodes }));
  const status = async (path: string, init: RequestInit): Promise<number> => (await fetch(`${url}${path}`, init)).status;
  const body = JSON.stringify(namesOnlyCall(pod, all));
  t.is(await status('/prioritize', { method: 'POST', body }), 415);
  t.is(await status('/prioritize', { method: 'POST', headers: { ...json, 'content-encoding': 'gzip' }, body }), 415);
  t.is(await status('/filter', {}), 405);
  t.is(await status('/bind', { method: 'POST', headers: json, body }), 404);
  t.is(await status('/%zz', { method: 'POST', headers: json, body }), 404);
});

test('a call that comes while too many bytes are in hand is refused before it is read, and counted', async (t) => {
  const running = await serve(t, new FakePlacer({ nodes }));
  const strangers = [1, 2].map(() => {
    const request = httpRequest(`${running.url}/filter`, { method: 'POST', headers: { ...json, 'content-length': 16 * 1024 * 1024 } });
    request.on('error', () => undefined).write('{');
    return request;
  });
  await until('there is no room', async () => (await post(running.url, 'prioritize', namesOnlyCall(pod, all))).status === 503);
  const { body } = await post(running.url, 'prioritize', namesOnlyCall(pod, all));
  t.regex((body as { readonly error: string }).error, /^there are 2 calls in hand/);
  t.true((running.figures.answers.get('prioritize')?.get('busy') ?? 0) > 0);
  for (const stranger of strangers) stranger.destroy();
  await until('there is room', async () => (await post(running.url, 'prioritize', namesOnlyCall(pod, all))).status === 200);
  await counted(t, running, 'filter', { gone: 2 });
});

test('a scheduler that had given up before its call was read is counted as that, too', async (t) => {
  const running = await serve(t, new FakePlacer({ nodes }));
  const body = JSON.stringify(namesOnlyCall(pod, all));
  const socket = connect(running.port, '127.0.0.1');
  await once(socket, 'connect');
  // As where we stood still meanwhile: the call and the end of its connection are there when we read next.
  socket.end(`POST /extender/prioritize HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
  await counted(t, running, 'prioritize', { gone: 1 });
});

test('a scheduler that does not wait for its answer is counted', async (t) => {
  const client: { end?: () => void } = {};
  const running = await serve(t, new FakePlacer({ nodes, onJudge: () => client.end?.() }));
  const names = Array.from({ length: 40_000 }, (_, index) => `node-${index}-${'x'.repeat(200)}`);
  const body = JSON.stringify(namesOnlyCall(pod, names));
  const socket = connect(running.port, '127.0.0.1');
  client.end = () => socket.destroy();
  socket.on('error', () => undefined);
  socket.write(`POST /extender/prioritize HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
  await counted(t, running, 'prioritize', { gone: 1 });
});

const anyCall = fc.record(
  {
    Pod: fc.oneof(fc.constantFrom(pod, podToPlace('other'), podToPlace('off')), fc.jsonValue()),
    NodeNames: fc.oneof(fc.array(fc.oneof(fc.constantFrom(...all), fc.string())), fc.constant(null), fc.jsonValue()),
    Nodes: fc.oneof(fc.constant(null), fc.record({ items: fc.array(fc.oneof(fc.constantFrom(sentNode, coldNode), fc.jsonValue())) }), fc.jsonValue()),
  },
  { requiredKeys: [] },
);

interface Filtered {
  readonly NodeNames?: readonly string[];
  readonly Nodes?: { readonly items: readonly unknown[] };
  readonly Error: string;
}

test('whatever comes in, the answer is a valid one or a clear refusal, and filter leaves a node where there was one', async (t) => {
  const { url } = await serve(t, new FakePlacer({ nodes, pool: 'base' }));
  const property = fc.asyncProperty(anyCall, async (call) => {
    const scores = await post(url, 'prioritize', call);
    const rest = await post(url, 'filter', call);
    const left = rest.body as Filtered;
    if (rest.status !== 200) return false;
    if (scores.status !== 200) return scores.status === 400 && (scores.body as { error: string }).error.length > 0 && left.Error !== '';
    const hosts = scores.body as readonly { readonly Host: string; readonly Score: number }[];
    const sent = Array.isArray(call.NodeNames) ? call.NodeNames : ((call.Nodes as { items: readonly unknown[] | null }).items ?? []);
    const remaining = left.NodeNames ?? left.Nodes?.items ?? [];
    return (
      left.Error === '' &&
      (hosts.length === 0 || hosts.length === sent.length) &&
      hosts.every(({ Host, Score }) => typeof Host === 'string' && Number.isInteger(Score) && Score >= 0 && Score <= 10) &&
      remaining.length >= Math.min(1, sent.length) &&
      remaining.every((each) => sent.some((one) => JSON.stringify(one) === JSON.stringify(each)))
    );
  });
  await fc.assert(property, { numRuns: 150 });
  t.pass();
});

test('bodies that are nested without end, or have odd keys, do no harm', async (t) => {
  const { url } = await serve(t, new FakePlacer({ nodes, pool: 'base' }));
  const deep = `${'['.repeat(200_000)}${']'.repeat(200_000)}`;
  const bodies = [
    deep,
    `{"Pod":${deep},"NodeNames":[]}`,
    `{"Pod":${JSON.stringify(pod)},"Nodes":{"items":[{"metadata":{"name":"warm"},"spec":${deep}}]}}`,
    `{"Pod":${JSON.stringify(pod).replace('"spec"', '"__proto__"')},"NodeNames":["__proto__","constructor","warm"]}`,
  ];
  const outcomes = [];
  for (const body of bodies) {
    const rest = await post(url, 'filter', body);
    outcomes.push([rest.status, (rest.body as Filtered).Error !== '', (await post(url, 'prioritize', body)).status]);
  }
  t.deepEqual(outcomes, [
    [200, true, 400],
    [200, true, 400],
    [200, true, 200],
    [200, false, 200],
  ]);
});

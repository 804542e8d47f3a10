import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { types } from '../../../src/gateway/http2/engine/index.ts';
import { pause, podAt, startOrigin, until, web, type Rig } from '../../support/gateway-rig.ts';
import { ask, dialHttp2, grpcHeaders, startHttp2Origin, startHttp2Rig } from '../../support/http2-rig.ts';
import { rawFrame, setting, settingsFrame } from '../../support/http2-wire.ts';

/** Pods of a port for HTTP/2 that do not speak it: a Service whose `appProtocol` is wrong, above all. */

const figures = (rig: Rig) => rig.gateway.counters.workloads.get(web)!;

/** A program of HTTP/1.1, and how many connections came to it. */
const startHttp1Pod = async (t: ExecutionContext): Promise<{ readonly port: number; readonly connections: () => number }> => {
  const origin = await startOrigin((_, response) => response.end('HTTP/1.1'));
  t.teardown(origin.die);
  let connections = 0;
  origin.server.on('connection', () => (connections += 1));
  return { port: origin.port, connections: () => connections };
};

/** Takes connections and ends them, having said `words`, until it is closed. */
const startCurtPod = async (
  t: ExecutionContext,
  words: Buffer,
): Promise<{ readonly port: number; readonly connections: () => number; readonly server: Server }> => {
  let connections = 0;
  const server = createServer((socket: Socket) => {
    connections += 1;
    socket.on('error', () => undefined).end(words);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  return { port: (server.address() as AddressInfo).port, connections: () => connections, server };
};

test('a lone pod that speaks HTTP/1.1 where h2c is asked for is told of by a 502 after three attempts, not asked without end', async (t) => {
  const pod = await startHttp1Pod(t);
  const rig = await startHttp2Rig(t, { pods: [podAt(pod.port)] });
  const session = await dialHttp2(t, rig.port);
  const { status, body } = await ask(session);
  t.is(status, 502);
  t.like(JSON.parse(body), { code: 'upstream-reset', detail: 'the pod does not speak HTTP/2, as the protocol of its port (h2c or grpc) says' });
  const grpc = await ask(session, grpcHeaders(), 'x');
  t.is(grpc.headers['grpc-status'], '14');
  t.is(figures(rig).connectFailures, 6);
  await until('it has come through its last probe', () => figures(rig).ejectedPods === 0);
  const before = pod.connections();
  await pause(300);
  t.is(pod.connections(), before);
  t.deepEqual([...figures(rig).ejections.keys()], ['protocol']);
});

test('many requests at once for a pod that does not speak HTTP/2 share its few connections', async (t) => {
  const pod = await startHttp1Pod(t);
  const rig = await startHttp2Rig(t, { pods: [podAt(pod.port)] });
  const session = await dialHttp2(t, rig.port);
  const answers = await Promise.all(Array.from({ length: 200 }, () => ask(session)));
  t.deepEqual(new Set(answers.map(({ status }) => status)), new Set([502]));
  t.true(pod.connections() <= 60, `${pod.connections()} connections`);
});

test('beside a pod that speaks it one that does not costs no request, and is let out for longer each time', async (t) => {
  const [wrong, right] = [await startHttp1Pod(t), await startHttp2Origin((stream) => stream.respond({ ':status': 200 }, { endStream: true }))];
  t.teardown(right.die);
  const rig = await startHttp2Rig(t, { pods: [podAt(wrong.port), podAt(right.port)] });
  const session = await dialHttp2(t, rig.port);
  const from = performance.now();
  for (let index = 0; index < 100; index += 1) t.is((await ask(session)).status, 200);
  // For 1 s, then for 2.
  const seconds = (performance.now() - from) / 1000;
  const ejections = figures(rig).ejections.get('protocol') ?? 0;
  t.true(ejections >= 1 && ejections <= 1 + seconds, `${ejections} ejections in ${seconds} s`);
});

/** Of no use, and bounded: the program is asked about ten times a second, and gets the request once it takes it. */
const isAskedAgain = test.macro({
  title: (what) => `a pod that ${what} is asked ten times a second, and gets the request once it takes one`,
  exec: async (t, words: Buffer) => {
    const pod = await startCurtPod(t, words);
    const rig = await startHttp2Rig(t, { pods: [podAt(pod.port)] });
    const session = await dialHttp2(t, rig.port);
    const asked = ask(session);
    const from = performance.now();
    await until('five attempts', () => figures(rig).connectFailures === 5);
    t.true(performance.now() - from >= 4 * 100);
    // The probe, and another connection where the first has no room.
    t.true(pod.connections() <= 30, `${pod.connections()} connections for five attempts`);
    await until('it waits', () => figures(rig).held === 1);
    pod.server.close();
    const origin = await startHttp2Origin((stream) => stream.respond({ ':status': 200 }, { endStream: true }), {}, pod.port);
    t.teardown(origin.die);
    t.is((await asked).status, 200);
  },
});

const mostStreams = 3;
test('ends connections without a word', isAskedAgain, Buffer.alloc(0));
test('takes no streams and ends connections', isAskedAgain, settingsFrame(setting(mostStreams, 0)));
test('takes no streams and says GOAWAY', isAskedAgain, Buffer.concat([settingsFrame(setting(mostStreams, 0)), rawFrame(types.goaway, 0, 0, Buffer.alloc(8))]));

import { createServer, type AddressInfo, type Socket } from 'node:net';
import test from 'ava';
import { millis, systemClock, type Clock, type PodRoute } from '../../../src/core/index.ts';
import { freePort, podAt, startRig, until, web } from '../../support/gateway-rig.ts';
import { ask, dialHttp2, startHttp2Origin } from '../../support/http2-rig.ts';

/** So that the second that a pod has for its first word is not over before the test has said its own. */
const patient: Clock = { ...systemClock, after: (delay, task) => systemClock.after(millis(delay * 20), task) };

for (const [what, pods] of [
  ['begins to end', (silent, other) => [{ ...silent, state: 'terminating' }, other]],
  ['is taken away', (_silent, other) => [other]],
] as const satisfies readonly (readonly [string, (silent: PodRoute, other: PodRoute) => readonly PodRoute[]])[])
  test(`requests that wait for a connection to a pod that ${what} go to another one, and none is opened for them`, async (t) => {
    const sockets = new Set<Socket>();
    let ended = 0;
    // Takes connections and says nothing: what waits is a connection's first SETTINGS.
    const server = createServer((socket) =>
      sockets.add(
        socket
          .on('error', () => undefined)
          .on('close', () => (ended += 1))
          .resume(),
      ),
    );
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const origin = await startHttp2Origin((stream) => {
      stream.respond({ ':status': 200 });
      stream.end('the other one');
    });
    t.teardown(async () => {
      server.close();
      for (const socket of sockets) socket.destroy();
      await origin.die();
    });
    const silent = podAt((server.address() as AddressInfo).port);
    const port = await freePort();
    const rig = await startRig({ pods: [silent], listeners: [{ address: '127.0.0.1', port, protocol: 'h2c', target: 'http' }] }, { clock: patient });
    t.teardown(rig.stop);
    const session = await dialHttp2(t, port);
    const answers = [ask(session), ask(session, { ':method': 'POST' }, 'body')];
    const counters = rig.gateway.counters.workloads.get(web)!;
    await until('both wait', () => counters.inFlight === 2 && sockets.size === 1);
    await rig.route({ pods: pods(silent, podAt(origin.port)) });
    for (const { status, body } of await Promise.all(answers)) t.is(`${status} ${body}`, '200 the other one');
    t.is(origin.requests.length, 2);
    await until('the connection that was being made is given up', () => ended === 1);
    t.is(sockets.size, 1);
    t.is(counters.inFlight, 0);
    t.is(counters.ejections.size, 0);
  });

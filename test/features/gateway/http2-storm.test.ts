import test from 'ava';
import { pause, podAt, until, web } from '../../support/gateway-rig.ts';
import { answerOf, bodyOf, dialHttp2, grpcHeaders, startHttp2Origin, startHttp2Rig, type Handler } from '../../support/http2-rig.ts';

/** Pods that answer, refuse, reset, say GOAWAY or die, by turns. */
const moody: Handler = (stream, headers, index) => {
  const mood = index % 23;
  if (mood === 3) return stream.close(7);
  if (mood === 7) return stream.close(2);
  if (mood === 11) stream.session?.close();
  if (mood === 22 && index > 100) return stream.session?.destroy();
  stream.respond({ ':status': 200 }, { waitForTrailers: true });
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
  if (mood === 13) return void (stream.write('half'), setTimeout(() => stream.close(8), 5));
  if (headers[':method'] === 'POST')
    void bodyOf(stream)
      .then((body) => stream.end(body))
      .catch(() => undefined);
  else stream.end('hello');
};

test('in a storm of resets, cancelled calls, dying pods and dying clients nothing is left behind, and the next client is served', async (t) => {
  const origins = await Promise.all([startHttp2Origin(moody), startHttp2Origin(moody), startHttp2Origin(moody)]);
  for (const origin of origins) t.teardown(origin.die);
  const rig = await startHttp2Rig(t, { pods: origins.map(({ port }) => podAt(port)), containerConcurrency: 20 });
  let sent = 0;
  const clients = Array.from({ length: 6 }, async (_, client) => {
    for (let round = 0; round < 8; round += 1) {
      const session = await dialHttp2(t, rig.port);
      const answers = Array.from({ length: 40 }, async (__, n) => {
        await pause(Math.random() * 60);
        if (session.closed || session.destroyed) return;
        const unary = n % 3 === 0;
        const stream = session.request(unary ? {} : grpcHeaders(), { endStream: unary });
        const answer = answerOf(stream);
        sent += 1;
        if (!unary) stream.end('x'.repeat(n * 500));
        if (n % 5 === 0) setTimeout(() => stream.close(8), Math.random() * 20);
        await answer;
      });
      if ((client + round) % 4 === 0) setTimeout(() => session.destroy(), 30);
      await Promise.all(answers);
      session.destroy();
    }
  });
  // Pods come and go meanwhile.
  for (let turn = 0; turn < 10; turn += 1) {
    await pause(60);
    await rig.route({ pods: origins.filter((_, at) => at !== turn % 4).map(({ port }) => podAt(port)) });
  }
  await Promise.all(clients);
  const counters = rig.gateway.counters.workloads.get(web)!;
  await until('nothing is in a pod and nothing waits', () => counters.inFlight === 0 && counters.held === 0);
  const counted = [...counters.requests].reduce((sum, [, count]) => sum + count, 0);
  // No exact figure: those that were taken back before they reached the gateway, or before it had looked at them, are none.
  t.true(counted <= sent && counted > sent / 2, `${counted} of ${sent}`);
  // How many were answered before their clients gave up is a matter of the machine.
  t.true((counters.requests.get(200) ?? 0) > 0);
  await until('no connection of a client is left', () => rig.gateway.counters.connections === 0);
  const last = await dialHttp2(t, rig.port);
  const statuses = await Promise.all(Array.from({ length: 10 }, () => answerOf(last.request({ ':path': '/last' }))));
  t.true(statuses.some(({ status }) => status === 200));
});

import test from 'ava';
import { freePort, startOrigin } from '../support/gateway-rig.ts';
import { loadOfNewConnections, startWorkerGateway, sumOf } from '../support/worker-gateway.ts';
import { until } from '../support/until.ts';

test('five hot restarts one after the other under a load of new connections: none is refused or reset, and every request is counted once', async (t) => {
  const origin = await startOrigin((_request, response) => response.end('hello'));
  t.teardown(() => origin.die());
  const port = await freePort();
  const route = `{name: default/app, listeners: [{address: 127.0.0.1, port: ${port}}], endpoints: [{address: 127.0.0.1, port: ${origin.port}}]}`;
  const gateway = await startWorkerGateway(t, route, { workers: 3 });
  const load = loadOfNewConnections(t, 8, port);
  const seen = new Set(gateway.workers());
  for (let count = 0; count < 5; count += 1) {
    await gateway.restart();
    for (const pid of gateway.workers()) seen.add(pid);
  }
  await load.stop();
  t.deepEqual(load.failures, []);
  t.is(seen.size, 18);
  const series = await until('all answer the scrape', async () => {
    const scraped = await gateway.scrape();
    return scraped.get('rouse_gateway_workers_unanswered') === 0 && scraped;
  });
  t.is(sumOf(series, 'rouse_gateway_requests_total', 'app'), load.answered());
});

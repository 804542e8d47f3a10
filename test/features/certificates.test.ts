import { once } from 'node:events';
import { createServer, request, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import test from 'ava';
import { startLocalCluster } from '../../src/cli/local/local-cluster.ts';
import { keepCertificates, type CertificateKeeper } from '../../src/cli/controller/certificate-keeper.ts';
import { splitBundle } from '../../src/certificates/index.ts';
import { instant, ManualClock, millis, silentLogger, systemClock, systemRandom } from '../../src/core/index.ts';
import { createKubeClient, loadKubeConfig, resources, type KubeClient } from '../../src/kube/index.ts';
import { MemoryApi } from '../support/memory-kube-client.ts';
import { until } from '../support/until.ts';

const minute = 60_000;
const day = 24 * 3600 * 1000;

interface Served {
  readonly server: Server;
  /** The certificate that it shows. */
  readonly shown: () => string;
  readonly accepts: (ca: string) => Promise<boolean>;
}

/** A server that has the keeper's certificate, and how a client with the bundle `ca` gets on with it. */
const serve = async (keeper: CertificateKeeper): Promise<Served> => {
  const own = (): { cert: string; key: string } => ({ cert: keeper.serving.certificatePem, key: keeper.serving.keyPem });
  let inUse = own();
  const server = createServer(inUse, (_request, response) => response.end());
  keeper.onChange(() => server.setSecureContext((inUse = own())));
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  const accepts = (ca: string): Promise<boolean> =>
    new Promise((resolve) => {
      const asked = request({ host: '127.0.0.1', port, servername: 'rouse-link.rouse-system.svc', ca, agent: false }, (response) => {
        response.resume().on('end', () => resolve(true));
      });
      asked.on('error', () => resolve(false)).end();
    });
  return { accepts, shown: () => inUse.cert, server };
};

const published = async (client: KubeClient): Promise<string> => {
  const found = await client.get(resources.configMaps, { namespace: 'rouse-system', name: 'rouse-ca' });
  return found.ok ? (found.value.data?.['ca.crt'] ?? '') : '';
};

test('replicas agree on one CA, renew it in steps that no client of the day before notices, and make a new one where it was deleted', async (t) => {
  const cluster = await startLocalCluster({
    clock: systemClock,
    random: systemRandom,
    logger: silentLogger,
    apiPort: 0,
    environment: {},
    cwd: process.cwd(),
  });
  t.teardown(() => cluster.close());
  const connection = await loadKubeConfig({ kind: 'text', text: cluster.api.kubeconfig(cluster.token('rouse-controller')) });
  const client = createKubeClient({ connection, clock: systemClock });
  // Real certificates are checked by the real clock: this one begins ten years ago, so that those of its future are good today.
  const clock = new ManualClock(instant(systemClock.now() - 2440 * day));
  const start = (): Promise<CertificateKeeper> =>
    keepCertificates({ client, clock, logger: silentLogger, names: { commonName: 'rouse-controller', dnsNames: ['rouse-link.rouse-system.svc'] } });
  const [leader, standby] = await Promise.all([start(), start()]);
  t.is(leader.caPem, standby.caPem, 'whoever came first made it');
  t.is(await published(client), leader.caPem);
  const first = leader.caPem;

  const stopping = new AbortController();
  leader.lead(stopping.signal);
  const running = [leader.run(stopping.signal), standby.run(stopping.signal)];
  const servers = await Promise.all([serve(leader), serve(standby)]);
  t.teardown(async () => {
    stopping.abort();
    await clock.advance(millis(2 * minute));
    await Promise.all(running);
    for (const { server } of servers) server.close();
    connection.close();
  });
  /** A minute passes, `by` later, and both have looked. */
  const look = async (what: string, by: number, seen: () => boolean | Promise<boolean>): Promise<void> => {
    await clock.advance(millis(by));
    await until(what, async () => {
      await clock.advance(millis(minute));
      return seen();
    });
  };
  const both = (test: (keeper: CertificateKeeper) => boolean): boolean => [leader, standby].every(test);

  // Two thirds of ten years.
  await look('both know the next one', 2434 * day, () => both(({ caPem }) => splitBundle(caPem).length === 2));
  await until('gateways can read it', async () => (await published(client)) === leader.caPem);
  t.true(leader.caPem.startsWith(first));
  const during = leader.caPem;
  const signedByFirst = servers.map(({ shown }) => shown());
  for (const { accepts } of servers) t.true(await accepts(during));

  await look('it signs', day, () => servers.every(({ shown }, index) => shown() !== signedByFirst[index]));
  const [, second = ''] = splitBundle(during);
  for (const { accepts } of servers) t.deepEqual([await accepts(during), await accepts(second), await accepts(first)], [true, true, false]);

  await look('the first is forgotten', day, () => both(({ caPem }) => caPem === second));
  await until('gateways have forgotten it too', async () => (await published(client)) === second);

  const signedBySecond = servers.map(({ shown }) => shown());
  t.true((await client.delete(resources.secrets, { namespace: 'rouse-system', name: 'rouse-ca' })).ok);
  await look('there is a new one', minute, () => both(({ caPem }) => splitBundle(caPem).length === 2));
  t.true(leader.caPem.startsWith(second));
  t.is(leader.caPem, standby.caPem);
  t.deepEqual(
    servers.map(({ shown }) => shown()),
    signedBySecond,
    'the one before signs until everybody has heard',
  );
  const [, third = ''] = splitBundle(leader.caPem);
  await look('the new one signs', day, () => servers.every(({ shown }, index) => shown() !== signedBySecond[index]));
  for (const { accepts } of servers) t.deepEqual([await accepts(third), await accepts(second)], [true, false]);
});

test('a renewal comes into use while the API server is away, and a new CA is told of even where it cannot be published', async (t) => {
  const api = new MemoryApi();
  const client = api.client();
  const clock = new ManualClock(instant(systemClock.now()));
  const names = { commonName: 'rouse-controller', dnsNames: ['rouse-link.rouse-system.svc'] };
  const keeper = await keepCertificates({ client, clock, logger: silentLogger, names });
  let told = 0;
  keeper.onChange(() => (told += 1));
  const first = keeper.serving.certificatePem;
  client.fault = () => 'unavailable';
  await clock.advance(millis(300 * day));
  const stopping = new AbortController();
  const running = keeper.run(stopping.signal);
  await clock.advance(millis(minute));
  await until('the certificate is renewed', () => told === 1);
  t.not(keeper.serving.certificatePem, first);

  client.fault = (verb) => (verb === 'mergePatch' ? 'forbidden' : undefined);
  api.remove('Secret', 'rouse-system', 'rouse-ca');
  await until('the new CA is told of', async () => {
    await clock.advance(millis(minute));
    return told === 2;
  });
  t.is(splitBundle(keeper.caPem).length, 2);
  stopping.abort();
  await running;
});

import test from 'ava';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createSecureServer } from 'node:http2';
import { createServer } from 'node:https';
import type { TLSSocket } from 'node:tls';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AddressInfo } from 'node:net';
import { createAuthority } from '../certificates/index.ts';
import { seededRandom, silentLogger, systemClock } from '../core/index.ts';
import { createKubeClient, loadKubeConfig, printKubeConfig, resources, watchResource } from './index.ts';

const parts = {
  clusters: [{ name: 'c', cluster: { server: 'https://10.0.0.1:6443/' } }],
  users: [{ name: 'u', user: { token: 't' } }],
  contexts: [
    { name: 'one', context: { cluster: 'c', user: 'u', namespace: 'n' } },
    { name: 'lost', context: { cluster: 'elsewhere', user: 'u' } },
    { name: 'nobody', context: { cluster: 'c', user: 'gone' } },
  ],
  'current-context': 'one',
};
const load = (config: unknown, context?: string): ReturnType<typeof loadKubeConfig> =>
  loadKubeConfig({ kind: 'text', text: typeof config === 'string' ? config : JSON.stringify(config), context });

test('the current context says server and namespace; another can be chosen', async (t) => {
  const connection = await load(parts);
  t.is(connection.server.origin, 'https://10.0.0.1:6443');
  t.is(connection.namespace, 'n');
});

const bad = test.macro({
  exec: async (t, config: unknown, message: RegExp, context: string | undefined) => {
    await t.throwsAsync(load(config, context), { code: 'kube/config-invalid', message });
  },
  title: (_given, _config: unknown, message: RegExp) => `a kubeconfig is refused with ${message.source}`,
});
test(bad, '{ not: [yaml', /is not YAML/, undefined);
test(bad, 'just text', /no kubeconfig: it has no list "clusters"/, undefined);
test(bad, { ...parts, users: undefined }, /no list "users"/, undefined);
test(bad, { ...parts, 'current-context': undefined }, /no current-context; there are: one, lost, nobody/, undefined);
test(bad, parts, /no context "typo"; there are: one, lost, nobody/, 'typo');
test(bad, parts, /context "lost" names cluster "elsewhere", which is not there/, 'lost');
test(bad, parts, /context "nobody" names user "gone", which is not there/, 'nobody');
test(bad, { ...parts, clusters: [{ name: 'c', cluster: {} }] }, /a cluster has no "server"/, undefined);
test(bad, { ...parts, clusters: [{ name: 'c', cluster: { server: 'ftp://x' } }] }, /"ftp:\/\/x" is no address of an API server/, undefined);
test(bad, { ...parts, clusters: [{ name: 'c', cluster: { server: 'http://10.0.0.1' } }] }, /plain HTTP to another machine/, undefined);

test('plain HTTP is taken on loopback', async (t) => {
  for (const server of ['http://127.0.0.1:8001', 'http://localhost:8001', 'http://[::1]:8001']) {
    const connection = await load({ ...parts, clusters: [{ name: 'c', cluster: { server } }] });
    await t.notThrowsAsync(connection.authorize());
  }
});

test('a file that is missing, or that the kubeconfig names and is missing, is said by its path', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'rouse-'));
  t.teardown(() => rm(folder, { recursive: true }));
  const path = join(folder, 'config');
  await t.throwsAsync(loadKubeConfig({ kind: 'file', path }), { code: 'kube/config-unreadable', message: new RegExp(`${path} cannot be read`) });
  await writeFile(path, JSON.stringify({ ...parts, clusters: [{ name: 'c', cluster: { server: 'https://x', 'certificate-authority': 'ca.crt' } }] }));
  await t.throwsAsync(loadKubeConfig({ kind: 'file', path }), { code: 'kube/config-unreadable', message: /ca\.crt/ });
});

test('outside a cluster the in-cluster configuration says so', async (t) => {
  delete process.env['KUBERNETES_SERVICE_HOST'];
  await t.throwsAsync(loadKubeConfig({ kind: 'in-cluster' }), { code: 'kube/not-in-cluster' });
});

test('a printed kubeconfig works over TLS with a token', async (t) => {
  const authority = await createAuthority({ commonName: 'test', clock: systemClock, validDays: 1 });
  const served = await authority.issue({ commonName: 'api', ipAddresses: ['127.0.0.1'], validDays: 1 });
  const server = createServer({ cert: served.certificatePem, key: served.keyPem }, (request, response) => {
    response.end(JSON.stringify({ major: '1', minor: request.headers.authorization === 'Bearer good' ? '36' : '0' }));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = `https://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
  const connection = await load(printKubeConfig({ server: address, caPem: authority.certificatePem, token: 'good', namespace: 'n' }));
  const stranger = await load(printKubeConfig({ server: address, token: 'good' }));
  t.teardown(() => {
    connection.close();
    stranger.close();
    server.close();
    server.closeAllConnections();
  });
  t.deepEqual(await createKubeClient({ connection, clock: systemClock }).version(), { ok: true, value: { major: 1, minor: 36 } });
  t.like(await createKubeClient({ connection: stranger, clock: systemClock }).version(), { ok: false, problem: { kind: 'unavailable' } });
});

test('an exec plugin’s token is used', async (t) => {
  const credential = JSON.stringify({ apiVersion: 'client.authentication.k8s.io/v1', kind: 'ExecCredential', status: { token: 'from-plugin' } });
  const exec = {
    apiVersion: 'client.authentication.k8s.io/v1',
    command: process.execPath,
    args: ['-e', `console.log(${JSON.stringify(credential)})`],
    interactiveMode: 'Never',
  };
  const connection = await load({ ...parts, users: [{ name: 'u', user: { exec } }] });
  const { headers } = await connection.authorize();
  t.is(headers['authorization'], 'Bearer from-plugin');
});

test('a client certificate is shown by calls, over HTTP/2 where the server speaks it, and by watches, over HTTP/1.1 always', async (t) => {
  const authority = await createAuthority({ commonName: 'test', clock: systemClock, validDays: 1 });
  const served = await authority.issue({ commonName: 'api', ipAddresses: ['127.0.0.1'], validDays: 1 });
  const client = await authority.issue({ commonName: 'somebody', validDays: 1, use: 'client' });
  const seen: string[] = [];
  const server = createSecureServer(
    { allowHTTP1: true, cert: served.certificatePem, key: served.keyPem, ca: authority.certificatePem, requestCert: true },
    (request, response) => {
      const isWatch = request.url.includes('watch=true');
      const { CN } = (request.socket as TLSSocket).getPeerCertificate().subject;
      seen.push(`${isWatch ? 'watch' : 'list'} HTTP/${request.httpVersion} ${String(CN)}`);
      const event = { type: 'ADDED', object: { metadata: { name: 'new', uid: 'u', resourceVersion: '8' } } };
      if (isWatch) response.write(`${JSON.stringify(event)}\n`);
      else response.end(JSON.stringify({ metadata: { resourceVersion: '7' }, items: [] }));
    },
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const toBase64 = (pem: string): string => Buffer.from(pem).toString('base64');
  const address = `https://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
  const connection = await load({
    ...parts,
    clusters: [{ name: 'c', cluster: { server: address, 'certificate-authority-data': toBase64(authority.certificatePem) } }],
    users: [{ name: 'u', user: { 'client-certificate-data': toBase64(client.certificatePem), 'client-key-data': toBase64(client.keyPem) } }],
  });
  const watch = watchResource({ connection, resource: resources.nodes, view: () => 'node', clock: systemClock, random: seededRandom(1), logger: silentLogger });
  const stop = new AbortController();
  const added = new Promise<string>((resolve) => {
    watch.snapshot.subscribe(({ key }) => {
      resolve(key);
    });
  });
  const running = watch.run(stop.signal);
  t.is(await added, 'new');
  t.deepEqual(seen, ['list HTTP/2.0 somebody', 'watch HTTP/1.1 somebody']);
  stop.abort();
  await running;
  connection.close();
  server.close();
});

import test, { type ExecutionContext } from 'ava';
import { createSecureServer, type ServerHttp2Session } from 'node:http2';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { startCuttableProxy, type CuttableProxy } from '../../test/support/cuttable-proxy.ts';
import { createAuthority } from '../certificates/index.ts';
import { millis, systemClock } from '../core/index.ts';
import { createKubeClient, loadKubeConfig, printKubeConfig, resources, type KubeClient } from './index.ts';

interface Scene {
  readonly caPem: string;
  readonly proxy: CuttableProxy;
  readonly sessions: ServerHttp2Session[];
  readonly client: (timeout?: number) => KubeClient;
  /** How long an answer takes. */
  delayMs: number;
  /** Nothing is answered before so many requests are in hand. */
  atOnce: number;
}

/** An API server that speaks HTTP/2, as kube-apiserver does, behind a proxy. */
const scene = async (t: ExecutionContext): Promise<Scene> => {
  const authority = await createAuthority({ commonName: 'test', clock: systemClock, validDays: 1 });
  const { certificatePem, keyPem } = await authority.issue({ commonName: 'api', ipAddresses: ['127.0.0.1'], validDays: 1 });
  const sessions: ServerHttp2Session[] = [];
  const inHand: (() => void)[] = [];
  const server = createSecureServer({ allowHTTP1: true, cert: certificatePem, key: keyPem }, (request, response) => {
    request.resume().on('end', () => {
      inHand.push(() => response.end(JSON.stringify({ metadata: { name: 'web', resourceVersion: '7' }, spec: { replicas: 1 }, status: {} })));
      if (inHand.length >= made.atOnce) for (const answer of inHand.splice(0)) setTimeout(answer, made.delayMs);
    });
  });
  server.on('session', (session) => sessions.push(session));
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const proxy = await startCuttableProxy({ host: '127.0.0.1', port: (server.address() as AddressInfo).port });
  const text = printKubeConfig({ server: `https://127.0.0.1:${String(proxy.port)}`, caPem: authority.certificatePem, token: 'secret' });
  const connection = await loadKubeConfig({ kind: 'text', text });
  t.teardown(async () => {
    connection.close();
    await proxy.close();
    server.close();
  });
  const made: Scene = {
    caPem: authority.certificatePem,
    proxy,
    sessions,
    delayMs: 0,
    atOnce: 1,
    client: (timeout = 10_000) => createKubeClient({ connection, clock: systemClock, timeout: millis(timeout) }),
  };
  return made;
};

const name = { namespace: 'default', name: 'web' };

test('a hundred writes at once go over the one connection that is there, none waiting for the answer of another', async (t) => {
  const made = await scene(t);
  const client = made.client();
  t.true((await client.readScale(resources.deployments, name)).ok);
  made.atOnce = 100;
  const written = await Promise.all(Array.from({ length: 100 }, () => client.writeScale(resources.deployments, name, 1)));
  t.true(written.every(({ ok }) => ok));
  t.is(made.sessions.length, 1);
});

test('a server that says goodbye to a connection is asked over another, and no call fails', async (t) => {
  const made = await scene(t);
  const client = made.client();
  for (let round = 0; round < 10; round++) {
    made.delayMs = round % 2 === 0 ? 0 : 20;
    const calls = Promise.all(Array.from({ length: 5 }, () => client.get(resources.pods, name)));
    made.sessions.at(-1)?.goaway();
    t.true(
      (await calls).every(({ ok }) => ok),
      `round ${String(round)}`,
    );
  }
});

test('a connection that is cut while it is idle is replaced without the caller noticing', async (t) => {
  const made = await scene(t);
  const client = made.client();
  for (let round = 0; round < 10; round++) {
    t.true((await client.get(resources.pods, name)).ok, `round ${String(round)}`);
    made.proxy.cut();
    made.proxy.mend();
  }
});

test('a connection that has gone silent costs the call that finds it out; the next one takes another', async (t) => {
  const made = await scene(t);
  const client = made.client();
  t.true((await client.get(resources.pods, name)).ok);
  made.proxy.silence();
  t.like(await made.client(1000).get(resources.pods, name), { ok: false, problem: { kind: 'unavailable' } });
  for (let call = 0; call < 5; call++) t.true((await client.get(resources.pods, name)).ok, `call ${String(call)}`);
  t.is(made.sessions.length, 2);
});

test('where no connection comes about every call ends at its own limit, and at its signal, not one after the other', async (t) => {
  // It takes connections and says nothing, as a firewall lets a load balancer do.
  const strangers: Socket[] = [];
  const deaf = createServer((socket) => strangers.push(socket.on('error', () => undefined)));
  await once(deaf.listen(0, '127.0.0.1'), 'listening');
  const server = `https://127.0.0.1:${String((deaf.address() as AddressInfo).port)}`;
  const connection = await loadKubeConfig({ kind: 'text', text: printKubeConfig({ server, caPem: (await scene(t)).caPem, token: 'secret' }) });
  t.teardown(() => {
    connection.close();
    for (const stranger of strangers) stranger.destroy();
    deaf.close();
  });
  const [impatient, patient] = [500, 30_000].map((timeout) => createKubeClient({ connection, clock: systemClock, timeout: millis(timeout) }));
  const begun = performance.now();
  const calls = Array.from({ length: 20 }, () => impatient!.get(resources.pods, name));
  const aborted = patient!.get(resources.pods, name, AbortSignal.timeout(100));
  await t.throwsAsync(aborted, { name: 'TimeoutError' });
  for (const outcome of await Promise.all(calls)) t.like(outcome, { ok: false, problem: { kind: 'unavailable' } });
  t.true(performance.now() - begun < 2000);
});

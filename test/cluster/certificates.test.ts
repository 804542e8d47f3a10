import { join } from 'node:path';
import test from 'ava';
import { createAuthority, splitBundle } from '../../src/certificates/index.ts';
import { instant, ManualClock, systemClock } from '../../src/core/index.ts';
import { deployment, onboarded } from '../support/app.ts';
import { until } from '../support/until.ts';
import { clusterOf, type Cluster } from './harness/cluster.ts';
import { install } from './harness/installed.ts';
import { rouseFromShell } from './harness/rouse-from-shell.ts';

const root = join(import.meta.dirname, '..', '..');
const day = 24 * 3600 * 1000;

interface Configuration {
  readonly webhooks?: readonly { readonly clientConfig: { readonly caBundle: string } }[];
}

const bundles = async ({ api }: Cluster): Promise<readonly string[]> => {
  const kinds = ['mutatingwebhookconfigurations', 'validatingwebhookconfigurations'];
  const found = await Promise.all(kinds.map((kind) => api('GET', `/apis/admissionregistration.k8s.io/v1/${kind}/rouse`)));
  return found
    .flatMap(({ body }) => (body as unknown as Configuration).webhooks ?? [])
    .map(({ clientConfig }) => Buffer.from(clientConfig.caBundle, 'base64').toString());
};

test.serial('a CA that is due is renewed while everybody believes in it, and what somebody does to the webhooks is undone', async (t) => {
  t.timeout(200_000);
  const cluster = await clusterOf(t);
  const namespace = await cluster.namespace(t);
  await cluster.kubectl(['apply', '-f', join(root, 'deploy', 'base', 'namespace.yaml')]);
  // A hundred days, of which seventy are over.
  const old = await createAuthority({ commonName: 'rouse', clock: new ManualClock(instant(systemClock.now() - 70 * day)), validDays: 100 });
  const encoded = (text: string): string => Buffer.from(text).toString('base64');
  const secret = {
    metadata: { name: 'rouse-ca' },
    type: 'kubernetes.io/tls',
    data: { 'tls.crt': encoded(old.certificatePem), 'tls.key': encoded(old.keyPem) },
  };
  t.is((await cluster.api('POST', '/api/v1/namespaces/rouse-system/secrets', secret)).status, 201);
  const installed = await install(t, cluster);

  const trusted = await until(
    'gateways and API server are told of the next CA',
    async () => {
      const map = (await cluster.api('GET', '/api/v1/namespaces/rouse-system/configmaps/rouse-ca')).body as unknown as {
        readonly data?: Readonly<Record<string, string>>;
      };
      const told = splitBundle(map.data?.['ca.crt'] ?? '');
      const calls = await bundles(cluster);
      return told.length === 2 && calls.length === 4 && calls.every((bundle) => bundle === told.join('')) && told;
    },
    30_000,
    () => installed.logs(),
  );
  t.is(trusted[0], old.certificatePem);
  const keys = (await cluster.api('GET', '/api/v1/namespaces/rouse-system/secrets/rouse-ca')).body as unknown as {
    readonly data: Readonly<Record<string, string>>;
  };
  t.is(keys.data['tls.crt'], encoded(old.certificatePem), 'the old one signs until everybody has heard');
  t.is(keys.data['next.crt'], encoded(trusted[1] ?? ''));

  const isRefused = async (): Promise<boolean> => {
    const bad = deployment('bad', { namespace, annotations: { ...onboarded, 'rouse.dev/target': 'many' } });
    const { status } = await cluster.api('POST', `/apis/apps/v1/namespaces/${namespace}/deployments?dryRun=All`, bad);
    return status !== 201;
  };
  await until('admission works with both', isRefused, 15_000);
  await cluster.kubectl(['delete', 'mutatingwebhookconfiguration', 'rouse']);
  const tampered = JSON.stringify([{ op: 'replace', path: '/webhooks/0/clientConfig/caBundle', value: encoded(old.certificatePem) }]);
  await cluster.kubectl(['patch', 'validatingwebhookconfiguration', 'rouse', '--type', 'json', '-p', tampered]);
  await until('the leader puts them back', async () => (await bundles(cluster)).filter((bundle) => bundle === trusted.join('')).length === 4, 90_000);
});

test.serial('a rouse-config that cannot be read is told in an Event, again when it happens again, and leaves the last good settings', async (t) => {
  const cluster = await clusterOf(t);
  const controller = await (await rouseFromShell(t, cluster)).startController('10.77.200.10');
  const set = (limit: string): Promise<string> =>
    cluster.kubectl([
      '-n',
      'rouse-system',
      'patch',
      'configmap',
      'rouse-config',
      '--type',
      'merge',
      '-p',
      JSON.stringify({ data: { 'max-scale-limit': limit } }),
    ]);
  const told = async (): Promise<number> => {
    const list = (await cluster.api('GET', '/api/v1/namespaces/rouse-system/events')).body as unknown as {
      readonly items: readonly { readonly reason: string; readonly count: number }[];
    };
    return list.items.find(({ reason }) => reason === 'ConfigInvalid')?.count ?? 0;
  };
  await set('some');
  await until(
    'it is told',
    async () => (await told()) >= 1,
    15_000,
    () => controller.errors(),
  );
  await set('50');
  await set('some');
  await until(
    'it is told again',
    async () => (await told()) >= 2,
    15_000,
    async () => [await told(), await cluster.kubectl(['-n', 'rouse-system', 'get', 'events']), controller.errors()],
  );
  await set('50');
  t.regex(
    await cluster.kubectl(['-n', 'rouse-system', 'get', 'events']),
    /Warning +ConfigInvalid +configmap\/rouse-config +the last good configuration stays: .*max-scale-limit/,
  );
});

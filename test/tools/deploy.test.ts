import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import test from 'ava';
import { parse } from 'yaml';
import { codeBlocks } from '../support/document.ts';
import { helmBinary } from '../support/real-kubectl.ts';
import { generatedManifests } from '../support/generated-manifests.ts';
import { helmTemplate, kustomized, manifestsIn } from '../support/rendered.ts';

const chart = join(import.meta.dirname, '..', '..', 'deploy', 'helm');

test('what is generated out of deploy/base is as it would be generated now', async (t) => {
  const generated = await generatedManifests();
  t.is(generated.size, 3);
  for (const [path, text] of generated) t.is(await readFile(path, 'utf8'), text, `${path}: run "npm run render"`);
});

const same = test.macro({
  title: (_, overlay: string) => `the Helm chart renders the objects of deploy/overlays/${overlay}`,
  exec: async (t, overlay: string, args: readonly string[]) => {
    const [ofHelm, ofKustomize] = [manifestsIn(await helmTemplate(args)), manifestsIn(await kustomized(overlay))];
    t.deepEqual([...ofHelm.keys()].sort(), [...ofKustomize.keys()].sort());
    for (const [key, manifest] of ofKustomize) t.deepEqual(ofHelm.get(key), manifest, key);
  },
});
test(same, 'default', []);
test(same, 'high-availability', ['-f', join(chart, 'values-high-availability.yaml')]);
test(same, 'placement', ['--set', 'placement.enabled=true']);
test(same, 'namespaced', ['--set', 'namespaces={default}']);

test('the overlay of docs/monitoring.md lets Prometheus and the nodes alone read port 9090, and leaves all else as it is', async (t) => {
  const block = codeBlocks(await readFile(join(chart, '..', '..', 'docs', 'monitoring.md'), 'utf8')).find(({ name }) => name === 'narrower');
  const overlays = join(chart, '..', 'overlays');
  const directory = await mkdtemp(join(overlays, 'narrower-'));
  t.teardown(() => rm(directory, { recursive: true, force: true }));
  await writeFile(join(directory, 'kustomization.yaml'), block?.text ?? '');
  const [narrow, plain] = [manifestsIn(await kustomized(basename(directory))), manifestsIn(await kustomized('default'))];
  const policies = ['NetworkPolicy rouse-system/rouse-controller', 'NetworkPolicy rouse-system/rouse-gateway'];
  t.deepEqual([...narrow.keys()], [...plain.keys()]);
  for (const [key, manifest] of plain) if (!policies.includes(key)) t.deepEqual(narrow.get(key), manifest, key);
  for (const key of policies) {
    const { ingress } = (narrow.get(key) as unknown as { spec: { ingress: readonly { from?: readonly object[]; ports: readonly { port: number }[] }[] } }).spec;
    t.deepEqual(
      ingress.flatMap(({ from, ports }) => ports.flatMap(({ port }) => (port === 9090 ? [Object.keys(from?.[0] ?? {})] : []))),
      [['namespaceSelector']],
    );
    t.true(ingress.some(({ from, ports }) => from === undefined && ports.some(({ port }) => port === 8080 || port === 9443)));
  }
});

test('every value of the chart does what it says', async (t) => {
  const args = ['image.repository=registry.example.com/rouse', 'image.tag=v7', 'image.pullPolicy=Always', 'image.pullSecrets={pull}', 'config.window=120s']
    .concat(['logLevel=debug', 'priorityClassName=urgent', 'nodeSelector.disk=ssd', 'podAnnotations.team=platform', 'networkPolicies=false'])
    .concat(['gateway.service.type=LoadBalancer', 'gateway.service.annotations.internal=yes', 'namespaces={team-a,team-b}'])
    .concat(['gateway.extraEnv[0].name=OTEL_TRACES_SAMPLER', 'gateway.extraEnv[0].value=always_off', 'controller.extraEnv[0].name=OTEL_METRICS_EXPORTER']);
  const objects = manifestsIn(await helmTemplate(args.flatMap((each) => ['--set', each])));
  for (const name of ['rouse-controller', 'rouse-gateway'])
    t.like(objects.get(`Deployment rouse-system/${name}`), {
      spec: {
        template: {
          metadata: { annotations: { team: 'platform', 'prometheus.io/port': '9090' } },
          spec: {
            priorityClassName: 'urgent',
            nodeSelector: { disk: 'ssd' },
            imagePullSecrets: [{ name: 'pull' }],
            containers: [{ image: 'registry.example.com/rouse:v7', imagePullPolicy: 'Always' }],
          },
        },
      },
    });
  t.regex(JSON.stringify(objects.get('Deployment rouse-system/rouse-controller')), /"--log-level=debug","--namespaces=team-a,team-b"/);
  t.regex(JSON.stringify(objects.get('Deployment rouse-system/rouse-gateway')), /\{"name":"OTEL_TRACES_SAMPLER","value":"always_off"\}/);
  t.regex(JSON.stringify(objects.get('Deployment rouse-system/rouse-controller')), /\{"name":"OTEL_METRICS_EXPORTER"\}/);
  t.like(objects.get('ConfigMap rouse-system/rouse-config'), { data: { window: '120s' } });
  t.like(objects.get('Service rouse-system/rouse-gateway'), { metadata: { annotations: { internal: 'yes' } }, spec: { type: 'LoadBalancer' } });
  t.like(objects.get('ClusterRole /rouse-controller'), { rules: [{ resources: ['namespaces'], resourceNames: ['team-a', 'team-b'] }] });
  t.true(objects.has('RoleBinding team-b/rouse-workloads') && !objects.has('ClusterRoleBinding /rouse-workloads'));
  t.false([...objects.keys()].some((key) => key.startsWith('NetworkPolicy')));
  t.false(manifestsIn(await helmTemplate(['--namespace', 'rouse-system'])).has('Namespace /rouse-system'), 'a release in rouse-system has its namespace');
});

test('with names of Secrets the chart has gateways serve TLS, and mounts them as a gateway reads them', async (t) => {
  const args = ['gateway.tls.default=edge-tls', 'gateway.tls.secrets={shop-tls,blog-tls}', 'gateway.proxyProtocol=true'];
  const objects = manifestsIn(await helmTemplate(args.flatMap((each) => ['--set', each])));
  const gateway = JSON.stringify(objects.get('Deployment rouse-system/rouse-gateway'));
  t.true(gateway.includes('"--shared-port=8080","--tls-port=8443","--tls-cert-dir=/var/run/rouse/tls","--proxy-protocol"'));
  const projected = (name: string, folder: string) => ({
    secret: { name, optional: true, items: ['tls.crt', 'tls.key'].map((key) => ({ key, path: `${folder}${key}` })) },
  });
  const sources = [projected('edge-tls', ''), projected('shop-tls', 'shop-tls/'), projected('blog-tls', 'blog-tls/')];
  t.true(gateway.includes(JSON.stringify({ name: 'tls', projected: { sources } })));
  t.true(gateway.includes(JSON.stringify({ name: 'tls', mountPath: '/var/run/rouse/tls', readOnly: true })));
  t.true(gateway.includes(JSON.stringify({ name: 'tls', containerPort: 8443 })));
  t.true(JSON.stringify(objects.get('Service rouse-system/rouse-gateway')).includes(JSON.stringify({ name: 'https', port: 443, targetPort: 'tls' })));
  t.true(JSON.stringify(objects.get('NetworkPolicy rouse-system/rouse-gateway')).includes('{"port":8080},{"port":8443}'));
});

test('a scheduler asks us to rule nodes out where the value placement.filter says so, and nowhere else', async (t) => {
  const extenderOf = (yaml: string): unknown => {
    const { data } = manifestsIn(yaml).get('ConfigMap rouse-system/rouse-scheduler') as unknown as { readonly data: Readonly<Record<string, string>> };
    return (parse(data['config.yaml'] ?? '') as { readonly extenders: readonly unknown[] }).extenders[0];
  };
  const asked = { prioritizeVerb: 'prioritize', nodeCacheCapable: true, httpTimeout: '30ms', ignorable: true };
  for (const yaml of [await kustomized('placement'), await helmTemplate(['--set', 'placement.enabled=true'])]) {
    t.like(extenderOf(yaml), asked);
    for (const key of ['filterVerb', 'bindVerb', 'managedResources']) t.false(Object.hasOwn(extenderOf(yaml) as object, key), key);
  }
  t.like(extenderOf(await helmTemplate(['--set', 'placement.enabled=true,placement.filter=true'])), { ...asked, filterVerb: 'filter' });
});

test('values that the chart does not know, or that make no sense, are refused by name', async (t) => {
  for (const [wrong, says] of [
    ['replicas=3', /replicas/],
    ['gateway.replicas=0', /replicas/],
    ['namespaces={kube-system}', /namespaces/],
    ['logLevel=loud', /logLevel/],
    ['gateway.tls.secrets={Shop}', /secrets/],
  ] as const)
    await t.throwsAsync(helmTemplate(['--set', wrong]), { message: says }, wrong);
});

test('helm lint finds nothing', async (t) => {
  const { stdout } = await promisify(execFile)(await helmBinary(), ['lint', '--strict', chart]);
  t.regex(stdout, /0 chart\(s\) failed/);
});

import test from 'ava';
import { until } from '../support/until.ts';
import { clusterOf } from './harness/cluster.ts';

interface PodObject {
  readonly spec?: { readonly nodeName?: string };
  readonly status?: { readonly phase?: string; readonly podIPs?: readonly { readonly ip: string }[]; readonly message?: string };
}

/** Prints what a program sees of its pod. */
const look = `
  hostname; id -u; id -g; id -G
  cat /etc/config/colour; cat /etc/mixed/name; cat /etc/mixed/colour
  cat /var/run/secrets/kubernetes.io/serviceaccount/namespace; echo
  touch /here 2> /dev/null && echo wrote || echo refused
  echo kept > /scratch/file && cat /scratch/file
  stat -L -c %a /etc/mixed/token
  head -1 /etc/resolv.conf
  cut -d. -f2 /etc/mixed/token | base64 -d 2> /dev/null | grep -o '"aud":\\[[^]]*\\]'
  echo $POD_NAME on $POD_NODE
  node -e "require('node:http').createServer((_, r) => r.end('hello')).listen(80)" & sleep 300`;

const pod = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'look' },
  spec: {
    hostname: 'looker',
    terminationGracePeriodSeconds: 1,
    securityContext: { runAsUser: 65532, runAsGroup: 65532, fsGroup: 2000 },
    containers: [
      {
        name: 'main',
        image: 'rouse.test/shell',
        command: ['sh', '-c', look],
        env: [
          { name: 'POD_NAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
          { name: 'POD_NODE', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } },
        ],
        securityContext: { readOnlyRootFilesystem: true, allowPrivilegeEscalation: false },
        volumeMounts: [
          { name: 'config', mountPath: '/etc/config', readOnly: true },
          { name: 'mixed', mountPath: '/etc/mixed' },
          { name: 'scratch', mountPath: '/scratch' },
        ],
      },
    ],
    volumes: [
      { name: 'config', configMap: { name: 'paint' } },
      { name: 'scratch', emptyDir: {} },
      {
        name: 'mixed',
        projected: {
          sources: [
            { serviceAccountToken: { path: 'token', audience: 'somebody' } },
            { configMap: { name: 'paint' } },
            { downwardAPI: { items: [{ path: 'name', fieldRef: { fieldPath: 'metadata.name' } }] } },
          ],
        },
      },
    ],
  },
};

test('a pod waits for its ConfigMap, and then has its volumes, its user, its files and a network of its own', async (t) => {
  const cluster = await clusterOf(t);
  const namespace = await cluster.namespace(t);
  const kubectl = (...args: readonly string[]): Promise<string> => cluster.kubectl(['-n', namespace, ...args]);
  await cluster.kubectl(['-n', namespace, 'apply', '-f', '-'], { stdin: JSON.stringify(pod) });
  const read = async (): Promise<PodObject> => (await cluster.api('GET', `/api/v1/namespaces/${namespace}/pods/look`)).body as unknown as PodObject;
  await until('an Event says what is missing', async () => (await kubectl('get', 'events')).includes('configmap "paint" not found'), 30_000);
  t.is((await read()).status?.phase, 'Pending');
  await kubectl('create', 'configmap', 'paint', '--from-literal=colour=green\n');
  const looked = async (): Promise<string | false> => {
    const { stdout } = await cluster.kubectl.try(['-n', namespace, 'logs', 'look']);
    return stdout.includes('look on') && stdout;
  };
  const logs = await until('it has looked', looked, 30_000);
  t.deepEqual(logs.trim().split('\n').filter(Boolean).slice(0, 13), [
    'looker',
    '65532',
    '65532',
    '65532 2000',
    'green',
    'lookgreen',
    namespace,
    'refused',
    'kept',
    '640',
    `search ${namespace}.svc.cluster.local svc.cluster.local cluster.local`,
    '"aud":["somebody"]',
    `look on ${(await read()).spec?.nodeName ?? ''}`,
  ]);
  const { podIPs = [] } = (await read()).status ?? {};
  for (const { ip } of podIPs) {
    const url = `http://${ip.includes(':') ? `[${ip}]` : ip}/`;
    const answer = await until(`it listens on port 80 of ${ip}`, () => fetch(url).catch(() => undefined));
    t.is(await answer.text(), 'hello');
  }
});

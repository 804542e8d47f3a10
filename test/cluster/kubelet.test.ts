import { readdir, readFile } from 'node:fs/promises';
import test from 'ava';
import { fetch } from 'undici';
import { deployment } from '../support/app.ts';
import { until } from '../support/until.ts';
import { clusterOf } from './harness/cluster.ts';

/** What of the nodes themselves can only be seen on Linux as root: that containers are where they should be. One after the other: the last ends all pods of a node. */

interface PodObject {
  readonly spec?: { readonly nodeName?: string };
  readonly status?: {
    readonly phase?: string;
    readonly podIP?: string;
    readonly containerStatuses?: readonly {
      readonly restartCount: number;
      readonly ready: boolean;
      readonly state: { readonly waiting?: { readonly reason?: string; readonly message?: string } };
      readonly lastState: { readonly terminated?: { readonly exitCode: number; readonly reason?: string } };
    }[];
  };
}

const podOf = (name: string, container: object, more: object = {}): object => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name },
  spec: { terminationGracePeriodSeconds: 1, containers: [{ name: 'main', image: 'rouse.test/shell', ...container }], ...more },
});

test.serial('a command that does not exist is a container that was not started, and says so', async (t) => {
  const cluster = await clusterOf(t);
  const namespace = await cluster.namespace(t);
  await cluster.api('POST', `/api/v1/namespaces/${namespace}/pods`, podOf('wrong', { command: ['no-such-program'] }));
  const read = async (): Promise<PodObject> => (await cluster.api('GET', `/api/v1/namespaces/${namespace}/pods/wrong`)).body as unknown as PodObject;
  const status = await until(
    'it says so',
    async () => {
      const [found] = (await read()).status?.containerStatuses ?? [];
      return found?.state.waiting?.reason === 'RunContainerError' && found;
    },
    20_000,
    read,
  );
  t.is(status.state.waiting?.message, 'cannot start command "no-such-program": executable file not found in $PATH');
  t.like(status.lastState.terminated, { exitCode: 128, reason: 'StartError' });
});

test.serial('a hook that runs as soon as its container starts finds the files of the container, and binary Secrets are what they were', async (t) => {
  const cluster = await clusterOf(t);
  const namespace = await cluster.namespace(t);
  const blob = Buffer.from([0, 255, 128, 10, 200]).toString('base64');
  await cluster.api('POST', `/api/v1/namespaces/${namespace}/secrets`, { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'blob' }, data: { blob } });
  const hook = { postStart: { exec: { command: ['sh', '-c', 'base64 /blob/blob > /where'] } } };
  const container = { command: ['sh', '-c', 'while [ ! -s /where ]; do sleep 0.1; done; cat /where; sleep 300'], lifecycle: hook };
  const volumes = { volumes: [{ name: 'blob', secret: { secretName: 'blob' } }] };
  const pod = podOf('hooked', { ...container, volumeMounts: [{ name: 'blob', mountPath: '/blob' }] }, volumes);
  await cluster.api('POST', `/api/v1/namespaces/${namespace}/pods`, pod);
  const told = await until(
    'the hook has run in it',
    async () => (await cluster.kubectl.try(['-n', namespace, 'logs', 'hooked'])).stdout.trim() || undefined,
    30_000,
  );
  t.is(told, blob);
});

test.serial('a pod whose processes are lost with their guard is restarted, in the same network', async (t) => {
  const cluster = await clusterOf(t);
  const namespace = await cluster.namespace(t);
  await cluster.api('POST', `/apis/apps/v1/namespaces/${namespace}/deployments`, deployment('web', { namespace, replicas: 1, annotations: {} }));
  const list = `/api/v1/namespaces/${namespace}/pods`;
  const read = async (): Promise<PodObject | undefined> =>
    ((await cluster.api('GET', list)).body as unknown as { readonly items: readonly PodObject[] }).items[0];
  const ready = async (restarts: number): Promise<PodObject | undefined> => {
    const pod = await read();
    const [status] = pod?.status?.containerStatuses ?? [];
    return status?.ready === true && status.restartCount === restarts ? pod : undefined;
  };
  const before = await until('it is ready', () => ready(0), 30_000, read);
  process.kill(await guardOf(before.spec?.nodeName ?? ''), 'SIGKILL');
  const after = await until('it is ready again', () => ready(1), 30_000, read);
  t.is(after.status?.podIP, before.status?.podIP);
  t.true((await fetch(`http://${after.status?.podIP ?? ''}:8080/`)).ok);
});

/** Process id of the guard of a node: its parent is the kubelet, which is told its node by a file. */
const guardOf = async (node: string): Promise<number> => {
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const text = (of: string, file: string): Promise<string> => readFile(`/proc/${of}/${file}`, 'utf8').catch(() => '');
    if (!(await text(pid, 'cmdline')).includes('kubelet/guard/main')) continue;
    const stat = await text(pid, 'stat');
    const parent = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1] ?? '';
    if ((await text(parent, 'cmdline')).includes(`node-${node}.json`)) return Number(pid);
  }
  throw new Error(`there is no guard of ${node}`);
};

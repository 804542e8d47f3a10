import { request } from 'node:http';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { printKubeConfig } from '../../../src/kube/index.ts';
import { apiClient, type ApiClient } from '../../support/api-client.ts';
import { kubectlFor, type Kubectl } from '../../support/real-kubectl.ts';
import { until } from '../../support/until.ts';
import { clusterVariable, type ClusterState } from './cluster-state.ts';
import { kubeconfigFile } from './credentials.ts';

/** The part of AVA's `t` that outlives a test: `t` itself, or in `test.before` a list that `test.after` works off. */
export type Scope = Pick<ExecutionContext, 'teardown' | 'title'>;

/** A process of the cluster, to be broken. */
export interface Part {
  /** SIGKILL; resolves when it is gone. Of a node: with all its pods. */
  kill(): Promise<void>;
  start(): Promise<void>;
  /** SIGSTOP and SIGCONT: alive, and answers nobody. */
  pause(): Promise<void>;
  resume(): Promise<void>;
}

/** The real cluster that the test runs in. */
export interface Cluster {
  /** As admin, by plain HTTP. */
  readonly api: ApiClient;
  readonly server: string;
  readonly caPem: string;
  /** Holds `audit.log` and `logs/NAME.log` of every part. */
  readonly directory: string;
  readonly nodes: readonly string[];
  /** The real kubectl, as admin. */
  readonly kubectl: Kubectl;
  /** Bearer token of `admin`, `nobody` (may nothing) or `system:serviceaccount:NAMESPACE:NAME` (which must exist). */
  token(user: string, audiences?: readonly string[]): Promise<string>;
  /** Path of a kubeconfig for one of the same. */
  kubeconfig(user: string): Promise<string>;
  /** A namespace of the test's own, deleted after it; ready for pods. */
  namespace(t: Scope, labels?: Readonly<Record<string, string>>): Promise<string>;
  node(name: string): Part;
  readonly apiServer: Part;
  readonly etcd: Part;
  part(name: string): Part;
  /** SIGKILL of the API server, and start; resolves when it answers again. */
  restartApiServer(): Promise<void>;
}

let namespaces = 0;

const stateOf = (): ClusterState => {
  const directory = process.env[clusterVariable];
  if (directory === undefined) throw new Error('this test needs the real control plane: run it by "npm run test:cluster -- FILE"');
  return JSON.parse(readFileSync(join(directory, 'cluster.json'), 'utf8')) as ClusterState;
};

/** The cluster of this test run; what is opened for it is closed after the test `t`. */
export const clusterOf = async (t: Scope): Promise<Cluster> => {
  const state = stateOf();
  const { server, caPem, tokens, directory } = state;
  const home = await mkdtemp(join(tmpdir(), 'rouse-kubectl-'));
  const api = apiClient({ url: server, caPem, token: tokens['admin'] ?? '' });
  t.teardown(async () => {
    await api.close();
    await rm(home, { recursive: true, force: true });
  });
  const part = partsOf(state);
  const token = async (user: string, audiences: readonly string[] = []): Promise<string> => tokens[user] ?? requestToken(api, user, audiences);
  const isUp = (): Promise<boolean> =>
    api('GET', '/api/v1/namespaces/kube-system').then(
      ({ status }) => status === 200,
      () => false,
    );
  return {
    api,
    server,
    caPem,
    directory,
    nodes: state.nodes,
    kubectl: await kubectlFor(kubeconfigFile(directory, 'admin'), home),
    token,
    kubeconfig: async (user) => {
      const file = kubeconfigFile(user in tokens ? directory : home, user);
      if (user in tokens) return file;
      const path = join(home, `${user.replaceAll(':', '-')}.kubeconfig`);
      await writeFile(path, printKubeConfig({ server, caPem, token: await token(user), name: user }), { mode: 0o600 });
      return path;
    },
    namespace: (scope, labels) => createNamespace(api, scope, labels),
    node: part,
    part,
    apiServer: part('kube-apiserver'),
    etcd: part('etcd'),
    restartApiServer: async () => {
      await part('kube-apiserver').kill();
      await part('kube-apiserver').start();
      await until('the API server answers again', isUp, 60_000);
    },
  };
};

const partsOf =
  ({ socket }: ClusterState) =>
  (name: string): Part => {
    const ask = (verb: string): Promise<void> =>
      new Promise((resolve, reject) => {
        const asked = request({ socketPath: socket, path: `/${name}/${verb}`, method: 'POST' }, (response) => {
          let text = '';
          response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
          response.on('end', () => {
            if (response.statusCode === 200) resolve();
            else reject(new Error(text));
          });
        });
        asked.on('error', reject);
        asked.end();
      });
    return { kill: () => ask('kill'), start: () => ask('start'), pause: () => ask('pause'), resume: () => ask('resume') };
  };

const requestToken = async (api: ApiClient, user: string, audiences: readonly string[]): Promise<string> => {
  const [, namespace, name] = /^system:serviceaccount:([^:]+):([^:]+)$/.exec(user) ?? [];
  if (namespace === undefined || name === undefined) throw new Error(`no user "${user}": admin, nobody or system:serviceaccount:NAMESPACE:NAME`);
  const body = {
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'TokenRequest',
    spec: { expirationSeconds: 86_400, ...(audiences.length === 0 ? {} : { audiences }) },
  };
  const answer = await api('POST', `/api/v1/namespaces/${namespace}/serviceaccounts/${name}/token`, body);
  const { token } = (answer.body as unknown as { readonly status?: { readonly token?: string } }).status ?? {};
  if (token === undefined) throw new Error(`no token for ${user}: ${JSON.stringify(answer.body)}`);
  return token;
};

const createNamespace = async (api: ApiClient, t: Scope, labels: Readonly<Record<string, string>> = {}): Promise<string> => {
  namespaces += 1;
  const slug = t.title
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, 30)
    .replace(/^-|-$/g, '');
  const name = `t-${slug}-${process.pid}-${namespaces}`;
  const created = await api('POST', '/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } });
  if (created.status !== 201) throw new Error(JSON.stringify(created.body));
  t.teardown(async () => {
    await api('DELETE', `/api/v1/namespaces/${name}`);
  });
  // Pods are refused until it is there.
  await until(
    `the default ServiceAccount of ${name}`,
    async () => (await api('GET', `/api/v1/namespaces/${name}/serviceaccounts/default`)).status === 200,
    30_000,
  );
  return name;
};

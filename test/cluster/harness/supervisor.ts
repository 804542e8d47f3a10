/**
 * The cluster itself, inside its network namespace: starts the parts in order, says on its standard output when all of them are ready, and does
 * to them what tests ask for over a Unix socket. Run by `main.ts`; it ends, and every part with it, when its standard input does.
 */
import { createServer } from 'node:http';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { apiClient } from '../../support/api-client.ts';
import { until } from '../../support/until.ts';
import { Component } from './component.ts';
import { controlPlaneCommands, type Patience } from './control-plane.ts';
import { kubeconfigFile, writeCredentials, type Credentials } from './credentials.ts';
import { nodeCommand, nodeNames } from './nodes.ts';
import type { ClusterState } from './cluster-state.ts';

export interface SupervisorSettings {
  readonly binary: string;
  readonly directory: string;
  readonly nodes: number;
  readonly patience: Patience;
}

const settings = JSON.parse(process.argv[2] ?? '') as SupervisorSettings;
const { directory } = settings;
const components = new Map<string, Component>();

const add = (name: string, command: readonly string[]): Component => {
  const onLost = (lost: string, how: string): void => {
    process.stderr.write(`cluster: ${lost} ended by itself (${how}): see ${join(directory, 'logs', `${lost}.log`)}\n`);
  };
  const env = { PATH: process.env.PATH ?? '', HOME: directory };
  const component = new Component({ name, command, env, logFile: join(directory, 'logs', `${name}.log`), onLost });
  components.set(name, component);
  return component;
};

const untilReady = async (credentials: Credentials, nodes: readonly string[]): Promise<void> => {
  const { server: url, caPem, tokens } = credentials;
  const api = apiClient({ url, caPem, token: tokens['admin'] ?? '' });
  const isReady = async (path: string): Promise<boolean> =>
    api('GET', path).then(
      ({ status }) => status === 200,
      () => false,
    );
  // /readyz answers in plain text; a list says as much, and its RBAC bootstrap too.
  await until('the API server is ready', () => isReady('/api/v1/namespaces/kube-system'), 60_000);
  for (const name of ['kube-controller-manager', 'kube-scheduler', 'service-proxy']) components.get(name)?.start();
  for (const name of nodes) components.get(name)?.start();
  await until('the controllers made the default ServiceAccount', () => isReady('/api/v1/namespaces/default/serviceaccounts/default'), 30_000);
  for (const name of nodes)
    await until(
      `node ${name} is ready and may be scheduled to`,
      async () => {
        const { spec, status } = (await api('GET', `/api/v1/nodes/${name}`)).body as unknown as {
          readonly spec?: { readonly taints?: readonly unknown[] };
          readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
        };
        const isUp = status?.conditions?.some((condition) => condition.type === 'Ready' && condition.status === 'True') === true;
        return isUp && (spec?.taints ?? []).length === 0;
      },
      30_000,
    );
  await api.close();
};

/** `POST /NAME/start|kill|pause|resume`. */
const serve = async (path: string): Promise<void> => {
  const server = createServer((request, response) => {
    const [, name = '', verb = ''] = (request.url ?? '').split('/');
    act(name, verb).then(
      (pid) => response.end(JSON.stringify({ pid })),
      (failure: unknown) => response.writeHead(400).end(String(failure)),
    );
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
};

const act = async (name: string, verb: string): Promise<number | undefined> => {
  if (!components.has(name) && nodeNames.includes(name)) add(name, await nodeCommand(directory, name));
  const component = components.get(name);
  if (component === undefined) throw new Error(`no component "${name}": one of ${[...components.keys(), ...nodeNames].join(', ')}`);
  if (verb === 'start') component.start();
  else if (verb === 'kill') await component.kill();
  else if (verb === 'pause') component.pause();
  else if (verb === 'resume') component.resume();
  else throw new Error(`no verb "${verb}": one of start, kill, pause, resume`);
  return component.pid;
};

const endAll = async (): Promise<void> => {
  await Promise.all([...components.values()].map((component) => component.kill()));
};

process.stdin.resume().once('end', () => {
  void endAll().finally(() => process.exit(0));
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);

await mkdir(join(directory, 'logs'), { recursive: true });
const credentials = await writeCredentials(directory);
for (const { name, command } of await controlPlaneCommands(settings.binary, directory, settings.patience)) add(name, command);
add('service-proxy', [process.execPath, join(import.meta.dirname, '..', 'proxy', 'main.ts'), kubeconfigFile(directory, 'system:kube-proxy')]);
const nodes = nodeNames.slice(0, settings.nodes);
for (const name of nodes) add(name, await nodeCommand(directory, name));
for (const name of ['etcd', 'kube-apiserver']) components.get(name)?.start();
const socket = join(directory, 'control.sock');
await serve(socket);
await untilReady(credentials, nodes);
const state: ClusterState = { directory, socket, nodes, ...credentials };
await writeFile(join(directory, 'cluster.json'), JSON.stringify(state));
process.stdout.write('ready\n');

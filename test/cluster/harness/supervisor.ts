/**
 * The cluster itself, inside its network namespace: starts the parts in order, does to them what tests ask for over a Unix socket, and runs the command that
 * all of it is for. Run by `main.ts` as the first process but one of a process namespace: when it ends, or `main.ts` does, the kernel ends everything in it.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { Socket } from 'node:net';
import { join } from 'node:path';
import { clusterVariable, type ClusterState } from './cluster-state.ts';
import { Component } from './component.ts';
import { controlPlaneCommands, type Patience } from './control-plane.ts';
import { kubeconfigFile, writeCredentials } from './credentials.ts';
import { guardsEnded, guardsOf } from './node-pods.ts';
import { nodeCommand, nodeNames, type NodeOptions } from './nodes.ts';
import { nodeReady, proxyReady, serverReady, controllersReady } from './readiness.ts';

export interface SupervisorSettings {
  readonly binary: string;
  readonly directory: string;
  readonly nodes: number;
  readonly isDualStack: boolean;
  readonly patience: Patience;
  readonly command: readonly string[];
}

const settings = JSON.parse(process.argv[2] ?? '') as SupervisorSettings;
const { binary, directory, isDualStack, patience } = settings;
const nodeOptions: NodeOptions = { binary, directory, isDualStack, leaseSeconds: patience.leaseSeconds };
const components = new Map<string, Component>();
const tailLines = 20;

const say = (line: string): void => {
  process.stderr.write(`cluster: ${line}\n`);
};

const logFile = (name: string): string => join(directory, 'logs', `${name}.log`);

/** The end of what a part has said. */
const sayTail = async (name: string): Promise<void> => {
  const lines = (await readFile(logFile(name), 'utf8').catch(() => '')).trimEnd().split('\n').slice(-tailLines);
  say([`the last lines of ${logFile(name)}:`, ...lines.map((line) => line.slice(0, 1000))].join('\n  '));
};

const add = (name: string, command: readonly string[]): Component => {
  const onLost = (lost: string, how: string): void => {
    say(`${lost} ended by itself (${how})`);
    void sayTail(lost);
  };
  const env = { PATH: process.env.PATH ?? '', HOME: directory };
  const component = new Component({ name, command, env, logFile: logFile(name), onLost });
  components.set(name, component);
  return component;
};

const start = (...names: readonly string[]): void => {
  for (const name of names) components.get(name)?.start();
};

/** A node is gone when its pods are. */
const kill = async (component: Component): Promise<void> => {
  const guards = component.pid === undefined ? [] : await guardsOf(component.pid);
  await component.kill();
  await guardsEnded(guards);
};

/** `POST /NAME/start|kill|pause|resume`; a node that is not there yet is added. */
const act = async (name: string, verb: string): Promise<number | undefined> => {
  if (!components.has(name) && nodeNames.includes(name)) add(name, await nodeCommand(name, nodeOptions));
  const component = components.get(name);
  if (component === undefined) throw new Error(`no component "${name}": one of ${[...new Set([...components.keys(), ...nodeNames])].join(', ')}`);
  if (verb === 'start') component.start();
  else if (verb === 'kill') await kill(component);
  else if (verb === 'pause') component.pause();
  else if (verb === 'resume') component.resume();
  else throw new Error(`no verb "${verb}": one of start, kill, pause, resume`);
  return component.pid;
};

const serveControl = async (path: string): Promise<void> => {
  const server = createServer((request, response) => {
    const [, name = '', verb = ''] = (request.url ?? '').split('/');
    act(name, verb).then(
      (pid) => response.end(JSON.stringify({ pid })),
      (failure: unknown) => response.writeHead(400).end(String(failure)),
    );
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
};

/** Waits for `what`; where it does not come the run ends, with the last words of the parts that it depends on. */
const orEnd = async (what: Promise<void>, ...parts: readonly string[]): Promise<void> => {
  try {
    await what;
  } catch (failure) {
    say(failure instanceof Error ? failure.message : String(failure));
    for (const name of parts) await sayTail(name);
    process.exit(1);
  }
};

// The other end is main.ts's: it closes with it, however it goes.
new Socket({ fd: 3 }).resume().once('close', () => process.exit(1));
// A Ctrl-C is for the command; we end after it. Other signals are for main.ts, and we end with it.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);

const since = performance.now();
await mkdir(join(directory, 'logs'), { recursive: true });
const credentials = await writeCredentials(directory);
for (const { name, command } of await controlPlaneCommands(binary, directory, patience, isDualStack)) add(name, command);
add('service-proxy', [process.execPath, join(import.meta.dirname, '..', 'proxy', 'main.ts'), kubeconfigFile(directory, 'system:kube-proxy')]);
const nodes = nodeNames.slice(0, settings.nodes);
for (const name of nodes) add(name, await nodeCommand(name, nodeOptions));
const socket = join(directory, 'control.sock');
await serveControl(socket);
start('etcd', 'kube-apiserver');
await orEnd(serverReady(credentials), 'etcd', 'kube-apiserver');
start('kube-controller-manager', 'kube-scheduler', 'service-proxy', ...nodes);
await orEnd(controllersReady(credentials), 'kube-controller-manager');
await orEnd(proxyReady(), 'service-proxy');
for (const name of nodes) await orEnd(nodeReady(credentials, name), name);
const state: ClusterState = { directory, socket, nodes, ...credentials };
await writeFile(join(directory, 'cluster.json'), JSON.stringify(state));
say(`ready after ${((performance.now() - since) / 1000).toFixed(1)} s in ${directory}`);
const [program = 'true', ...args] = settings.command;
const command = spawn(program, args, { stdio: 'inherit', env: { ...process.env, [clusterVariable]: directory } });
const [code] = (await once(command, 'close')) as [number | null];
process.exit(code ?? 1);

import type { ExecutionContext } from 'ava';
import type { RouseProcess } from '../../support/rouse-process.ts';
import { until } from '../../support/until.ts';
import { clusterOf, type Cluster } from '../harness/cluster.ts';
import { rouseFromShell } from '../harness/rouse-from-shell.ts';
import { startSecondScheduler } from '../harness/second-scheduler.ts';

/** Pods, nodes and what extenders counted, for the tests of placement. */

export interface PodObject {
  readonly metadata: { readonly name: string; readonly deletionTimestamp?: string };
  readonly spec: { readonly nodeName?: string; readonly schedulerName?: string };
}

export const address = '10.77.200.10';

export const podsIn = async (cluster: Cluster, namespace: string, selector = ''): Promise<readonly PodObject[]> => {
  const answer = await cluster.api('GET', `/api/v1/namespaces/${namespace}/pods?labelSelector=${encodeURIComponent(selector)}`);
  return (answer.body as unknown as { readonly items: readonly PodObject[] }).items.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
};

/** How many pods are on each node; '' are those that are on none. */
export const spread = (pods: readonly PodObject[]): Readonly<Record<string, number>> => {
  const counts: Record<string, number> = {};
  for (const { spec } of pods) counts[spec.nodeName ?? ''] = (counts[spec.nodeName ?? ''] ?? 0) + 1;
  return counts;
};

export const labelled = { 'rouse.dev/placement': 'enabled' };

export const fakePod = (name: string, schedulerName?: string): object => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, labels: { app: 'fake' } },
  spec: {
    terminationGracePeriodSeconds: 0,
    containers: [{ name: 'app', image: 'rouse.test/fake' }],
    ...(schedulerName === undefined ? {} : { schedulerName }),
  },
});

/** A Deployment whose pods are there at once, without a process. */
export const fakes = (name: string, namespace: string, replicas: number, annotations: Readonly<Record<string, string>>): object => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name, namespace, annotations: { 'rouse.dev/enabled': 'true', 'rouse.dev/path': 'none', ...annotations } },
  spec: {
    replicas,
    selector: { matchLabels: { app: name } },
    template: {
      metadata: { labels: { app: name } },
      spec: { terminationGracePeriodSeconds: 0, containers: [{ name: 'app', image: 'rouse.test/fake', resources: { requests: { cpu: '100m' } } }] },
    },
  },
});

/** Every pod of Deployment `name` anew, `count` of them: resolves with them when all are on nodes, on the same scheduler's word or not. */
export const placedAnew = async (cluster: Cluster, namespace: string, name: string, count: number): Promise<readonly PodObject[]> => {
  const selector = `app=${name}`;
  const before = new Set((await podsIn(cluster, namespace, selector)).map(({ metadata }) => metadata.name));
  await cluster.api('DELETE', `/api/v1/namespaces/${namespace}/pods?labelSelector=${encodeURIComponent(selector)}`);
  return until(
    `${count} new pods of ${name} are on nodes`,
    async () => {
      const pods = (await podsIn(cluster, namespace, selector)).filter(({ metadata }) => !before.has(metadata.name));
      return pods.length === count && pods.every(({ spec }) => spec.nodeName !== undefined) && pods;
    },
    30_000,
    () => podsIn(cluster, namespace, selector),
  );
};

/** Why a scheduler was told what it was told. */
export const answersIn = (metrics: string): string =>
  metrics
    .split('\n')
    .filter((line) => line.startsWith('rouse_extender_answers_total'))
    .join('\n');

/** The same as numbers, by verb and reason: `prioritize scored`. */
export const answerCounts = (metrics: string): Readonly<Record<string, number>> =>
  Object.fromEntries(
    [...metrics.matchAll(/^rouse_extender_answers_total\{verb="(\w+)",reason="([\w-]+)"\} (\d+)$/gm)].map(([, verb, reason, count]) => [
      `${verb ?? ''} ${reason ?? ''}`,
      Number(count),
    ]),
  );

export interface PlacementScene {
  readonly cluster: Cluster;
  readonly controller: RouseProcess;
  /** The controller's own address, of its metrics and its API. */
  readonly url: string;
  readonly metrics: () => Promise<string>;
  /** For a failure. */
  readonly seen: () => Promise<unknown>;
}

/** Controller, gateway, and a second scheduler that asks the controller. */
export const scene = async (t: ExecutionContext, more: { readonly filterVerb?: string } = {}): Promise<PlacementScene> => {
  t.timeout(150_000);
  const cluster = await clusterOf(t);
  const rouse = await rouseFromShell(t, cluster, { placement: true });
  const controller = await rouse.startController(address);
  await rouse.startGateway('10.77.200.1');
  const [, url = ''] = await controller.line(/^ready: .*metrics=(\S+)/);
  // Where pods go is asked here, and a scheduler that does not wait places them without us. That none waits for us is a test of its own, with the deployed 30 ms.
  const asked = { urlPrefix: `https://${address}:9443/extender`, caFile: rouse.caFile, httpTimeout: '2s' };
  const scheduler = await startSecondScheduler(t, cluster, { ...asked, ...more });
  const metrics = async (): Promise<string> => (await fetch(url)).text();
  return { cluster, controller, url, metrics, seen: async () => [await metrics(), controller.errors().slice(-3000), scheduler.errors()] };
};

export const cordon = async (t: ExecutionContext, { kubectl }: Cluster, node: string): Promise<() => Promise<unknown>> => {
  await kubectl(['cordon', node]);
  const undo = (): Promise<unknown> => kubectl(['uncordon', node]);
  t.teardown(undo);
  return undo;
};

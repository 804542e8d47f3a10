import { annotation, isTakenOver, selectorOf, type Millis } from '../../core/index.ts';
import type { ServiceView, WorkloadView } from '../../kube/index.ts';
import { createRouting } from '../../routing/index.ts';
import { handBackAll, sayEvent, WakeFailures, withoutUs } from '../../scaler/index.ts';
import { unregisterWebhooks } from '../../webhooks/index.ts';
import { counted } from '../counted.ts';
import { CommandError, exitCode, type ExitCode } from '../exit-code.ts';
import { currentLeader } from '../controller/leadership.ts';
import {
  lookEvery,
  nameOf,
  remainsOf,
  stillOn,
  timeLimit,
  withWholeCluster,
  type CommandEnvironment,
  type HeldWorkload,
  type Remains,
  type WholeCluster,
} from './whole-cluster.ts';

export interface RestoreOptions extends CommandEnvironment {
  /** Only says what would be done. */
  readonly dryRun: boolean;
  /** For everything together. */
  readonly timeout: Millis;
}

/**
 * Puts the cluster back as it was, with nothing but the annotations to go by: for a cluster whose Rouse is gone (its namespace deleted, its controllers
 * broken). The webhook configurations go first, so that nothing keeps a Service taken over; the rest is what a controller does when it hands everything
 * back, by the same code. May be ended at any point and run again.
 */
export const restoreCluster = (options: RestoreOptions, signal: AbortSignal): Promise<ExitCode> =>
  withWholeCluster(options, signal, async (cluster, following) => {
    const { client } = cluster;
    const { clock, print, doing } = options;
    doing('looking whether a controller leads');
    const leader = await currentLeader(client, clock, following);
    if (leader !== undefined)
      throw new CommandError(
        'failure',
        `a controller (${leader}) is at work and would undo this: run rouse uninstall, or stop the controllers first (kubectl -n rouse-system delete deployment rouse-controller)`,
      );
    const before = remainsOf(cluster);
    for (const line of planOf(before)) print(line);
    if (options.dryRun) {
      print('dry run: nothing was changed');
      return exitCode.ok;
    }
    const unregistered = await unregisterWebhooks(client, following);
    if (!unregistered.ok) throw new CommandError('failure', `cannot delete the webhook configurations: ${unregistered.problem.message}`);
    print('webhook configurations: gone');
    doing('handing back');
    const limit = timeLimit(clock, options.timeout);
    try {
      await handEverythingBack(options, cluster, AbortSignal.any([following, limit.signal]));
    } catch (failure) {
      if (!limit.signal.aborted) throw failure;
    } finally {
      limit.cancel();
    }
    const unreadable = limit.signal.aborted ? [] : await sweep(options, cluster, following);
    return report(options, cluster, before, unreadable);
  });

/** What is going to be done, one line for each object. */
const planOf = ({ workloads, services }: Remains): readonly string[] => [
  ...workloads.map(({ view, state }) => `workload ${nameOf(view)}: ${counted(view.specReplicas, 'pod')} now, ${after(view, state)}`),
  ...services.map((service) => `Service ${nameOf(service)}: ${selectorBack(service)}`),
];

const after = (view: WorkloadView, state: HeldWorkload['state']): string => {
  if (state === undefined) return 'left as it is: what it was before cannot be read';
  const hpa = state.adoptedHpa === undefined ? '' : ', and its HorizontalPodAutoscaler comes back';
  return `${state.replicasBefore} before Rouse: ${Math.max(state.replicasBefore, view.specReplicas)} after${hpa}`;
};

const selectorBack = (service: ServiceView): string => {
  const object = { metadata: { annotations: service.annotations }, ...(service.selector === undefined ? {} : { spec: { selector: service.selector } }) };
  if (!isTakenOver(object)) return 'our annotations and endpoints go';
  const selector = selectorOf(object);
  return selector === undefined
    ? 'its saved selector cannot be read; that of the workload is taken'
    : `selector ${Object.entries(selector)
        .map(([key, value]) => `${key}=${value}`)
        .join(',')} comes back`;
};

/** A controller's own parts, without gateways and without load, told to hand everything back. */
const handEverythingBack = async ({ clock, logger, print, doing }: RestoreOptions, cluster: WholeCluster, signal: AbortSignal): Promise<void> => {
  const { client, watches, registry, resourceOf } = cluster;
  const { services, endpointSlices, pods } = watches;
  const held = remainsOf(cluster);
  pods.setNamespaces(new Set([...[...registry.values()].map(({ ref }) => ref.namespace), ...held.services.map(({ namespace }) => namespace)]));
  await pods.snapshot.synced;
  let revision = 0;
  const routing = createRouting({
    client,
    snapshots: { services, endpointSlices, pods: pods.snapshot, podsSynced: (namespace) => pods.synced(namespace) },
    workloads: {
      synced: watches.synced,
      get: (key) => registry.get(key),
      values: () => registry.values(),
      subscribe: (listener) => registry.subscribe(listener),
    },
    publisher: { publish: () => (revision += 1), gateways: () => [], sessions: () => [], onGateways: () => () => undefined },
    wakeFailures: new WakeFailures(),
    clock,
    logger,
    isLeader: () => true,
    notify: ({ workload, message, reason }) => {
      if (reason !== 'NoGateway') print(`${workload}: ${message}`);
    },
  });
  const ending = new AbortController();
  const routed = routing.run(AbortSignal.any([signal, ending.signal]));
  try {
    await handBackAll({ client, clock, logger, registry, pods: pods.snapshot, path: routing, resourceOf, tell: (event) => print(sayEvent(event)) }, signal);
    // Services whose workload is gone, or was never known, are handed back by routing itself; and the watches show our last writes a moment later.
    for (let left = remainsOf(cluster); !isEmpty(left); left = remainsOf(cluster)) {
      doing(`handing back, ${counted(left.workloads.length + left.services.length, 'object')} left`);
      await clock.sleep(lookEvery, signal);
    }
  } finally {
    ending.abort();
    await routed;
  }
};

/** Nothing is left that can be handed back. */
const isEmpty = ({ workloads, services }: Remains): boolean => services.length === 0 && workloads.every(({ state }) => state === undefined);

/** Our annotations that say nothing any more are taken off; gives the workloads whose count of before was among them. */
const sweep = async ({ logger }: RestoreOptions, cluster: WholeCluster, signal: AbortSignal): Promise<readonly WorkloadView[]> => {
  const left = remainsOf(cluster).workloads.filter(({ state }) => state === undefined);
  for (const { view } of left) {
    const refused = await takeOff(cluster, view, signal);
    if (refused !== undefined) logger.warn('our annotations could not be taken off', { workload: nameOf(view), problem: refused });
  }
  return left.filter(({ view }) => annotation.state in view.annotations).map(({ view }) => view);
};

const takeOff = async ({ client, resourceOf }: WholeCluster, view: WorkloadView, signal: AbortSignal): Promise<string | undefined> => {
  const resource = resourceOf(view.resource);
  if (resource === undefined) return `its kind ${view.resource} is not known`;
  const fresh = await client.get(resource, view, signal);
  if (!fresh.ok) return fresh.problem.kind === 'not-found' ? undefined : fresh.problem.message;
  const patched = await client.mergePatch(resource, view, { metadata: withoutUs(fresh.value) }, signal);
  return patched.ok ? undefined : patched.problem.message;
};

const report = ({ print }: RestoreOptions, cluster: WholeCluster, before: Remains, unreadable: readonly WorkloadView[]): ExitCode => {
  const left = remainsOf(cluster);
  const done = before.workloads.length + before.services.length;
  const open = [
    ...left.workloads.filter(({ state }) => state !== undefined).map(({ view }) => `workload ${nameOf(view)}`),
    ...left.services.map((service) => `Service ${nameOf(service)}`),
  ];
  for (const name of open) print(`left over: ${name}`);
  for (const view of unreadable) print(`look at ${nameOf(view)}: how many pods it had before Rouse could not be read; it has ${view.specReplicas}`);
  if (open.length > 0) {
    print(`not everything could be put back in time (see --timeout); run it again to go on`);
    return exitCode.findings;
  }
  print(
    done === 0
      ? 'nothing of Rouse was on any workload or Service'
      : `put back: ${counted(before.workloads.length, 'workload')}, ${counted(before.services.length, 'Service')}`,
  );
  const on = stillOn(cluster.watches);
  if (on !== undefined) print(on);
  return unreadable.length === 0 ? exitCode.ok : exitCode.findings;
};

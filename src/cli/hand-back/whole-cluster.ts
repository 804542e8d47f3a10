import {
  annotation,
  millis,
  parseWorkloadKey,
  parseWorkloadState,
  seconds,
  systemNamespace,
  takenOverFor,
  type Clock,
  type Logger,
  type Millis,
  type Random,
  type WorkloadState,
} from '../../core/index.ts';
import { createKubeClient, resources, type KubeClient, type KubeConnection, type Resource, type ServiceView, type WorkloadView } from '../../kube/index.ts';
import { heldServices } from '../../routing/index.ts';
import { builtInResource, WorkloadRegistry } from '../../scaler/index.ts';
import { parseConfig } from '../../core/spec/index.ts';
import { counted } from '../counted.ts';
import { checkServer } from '../controller/check-server.ts';
import { watchCluster, type ClusterWatches } from '../controller/cluster-watches.ts';
import { CommandError } from '../exit-code.ts';
import { furtherKinds } from '../controller/further-kinds.ts';

/** What a command that looks at the whole cluster, and ends, is given. */
export interface CommandEnvironment {
  readonly connection: KubeConnection;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** One line for whoever watches. */
  readonly print: (line: string) => void;
  /** What takes its time now. */
  readonly doing: (what: string) => void;
}

/** The cluster, read whole and followed. */
export interface WholeCluster {
  readonly client: KubeClient;
  readonly watches: ClusterWatches;
  /** Every workload that has something to hand back, of whatever kind; none is onboarded in it. */
  readonly registry: WorkloadRegistry;
  readonly resourceOf: (kind: string) => Resource | undefined;
}

const firstLists = seconds(60);

/** What may not be read is found at once, with the API server's own words: a watch would try for ever. */
const checkRights = async (client: KubeClient, signal: AbortSignal): Promise<void> => {
  const followed: readonly Resource[] = [resources.deployments, resources.statefulSets, resources.services, resources.endpointSlices, resources.pods];
  for (const resource of followed) {
    const listed = await client.list(resource, { fieldSelector: 'metadata.name=rouse-none' }, signal);
    if (!listed.ok) throw new CommandError('failure', `cannot list ${resource.plural} in all namespaces: ${listed.problem.message}`);
  }
};

/** Reads the whole cluster, runs `work` on it, and ends the watches. Throws a `CommandError` where the cluster cannot be read. */
export const withWholeCluster = async <Outcome>(
  environment: CommandEnvironment,
  signal: AbortSignal,
  work: (cluster: WholeCluster, signal: AbortSignal) => Promise<Outcome>,
): Promise<Outcome> => {
  const { connection, clock, random, logger } = environment;
  environment.doing('reading the cluster');
  const client = createKubeClient({ connection, clock });
  await checkServer(client, connection);
  await checkRights(client, signal);
  const ending = new AbortController();
  const following = AbortSignal.any([signal, ending.signal]);
  const watches = watchCluster(connection, { clock, random, logger });
  const watched = watches.run(following);
  try {
    await Promise.race([watches.synced, late(watches, clock, following)]);
    const { workloads, namespaces } = watches;
    const registry = new WorkloadRegistry({ workloads, namespaces, configMaps: undefined, handsBackAll: true, logger });
    const kinds = furtherKinds({
      options: { connection, clock, random, logger, namespaces: undefined },
      client,
      watches,
      registry: withKinds(registry, kindsOf(watches)),
    });
    const followed = kinds.run(following);
    await Promise.race([kinds.synced, late(watches, clock, following)]);
    try {
      return await work({ client, watches, registry, resourceOf: (kind) => kinds.resourceOf(kind) }, following);
    } finally {
      ending.abort();
      await followed;
      registry.close();
    }
  } finally {
    ending.abort();
    await watched;
  }
};

/** Kinds that may have something to hand back: those of `allow-kinds`, and, where that is gone, those that a taken-over Service names. */
const kindsOf = ({ configMaps, services }: ClusterWatches): readonly string[] => {
  const parsed = parseConfig(configMaps.get(`${systemNamespace}/rouse-config`)?.data ?? {});
  const taken = [...services.values()].flatMap(({ annotations }) => {
    const holder = takenOverFor({ metadata: { annotations } });
    const ref = holder === undefined ? undefined : parseWorkloadKey(holder);
    return ref === undefined ? [] : [ref.resource];
  });
  return [...new Set([...(parsed.ok ? parsed.value.config.allowKinds : []), ...taken])];
};

const withKinds = (registry: WorkloadRegistry, allowKinds: readonly string[]): Parameters<typeof furtherKinds>[0]['registry'] => ({
  config: { ...registry.config, allowKinds },
  onConfig: () => () => undefined,
  values: () => registry.values(),
  subscribe: (listener) => registry.subscribe(listener),
  addKind: (snapshot) => registry.addKind(snapshot),
  removeKind: (snapshot) => registry.removeKind(snapshot),
});

const late = async (watches: ClusterWatches, clock: Clock, signal: AbortSignal): Promise<never> => {
  await clock.sleep(firstLists, signal);
  throw new CommandError(
    'failure',
    `the cluster could not be read within ${firstLists / 1000} s: ${watches.outOfTouch().join(', ') || 'the first lists are not in'}`,
  );
};

/** A workload that has something to hand back. */
export interface HeldWorkload {
  readonly view: WorkloadView;
  /** Undefined: `rouse.dev/state` is there and cannot be read, or only `rouse.dev/status` is. */
  readonly state: WorkloadState | undefined;
}

/** Everything of ours that is still on users' objects. */
export interface Remains {
  readonly workloads: readonly HeldWorkload[];
  readonly services: readonly ServiceView[];
}

export const remainsOf = ({ registry, watches: { workloads, services, endpointSlices } }: Pick<WholeCluster, 'registry' | 'watches'>): Remains => ({
  workloads: [...workloads.flatMap((snapshot) => [...snapshot.values()]), ...furtherIn(registry)].flatMap((view) => heldWorkload(view) ?? []),
  services: heldServices(services.values(), endpointSlices.values()).filter(({ deleting }) => !deleting),
});

const furtherIn = (registry: WorkloadRegistry): readonly WorkloadView[] =>
  [...registry.values()].map(({ view }) => view).filter(({ resource }) => builtInResource(resource) === undefined);

const heldWorkload = (view: WorkloadView): HeldWorkload | undefined => {
  if (view.deleting || !(annotation.state in view.annotations || annotation.status in view.annotations)) return undefined;
  const parsed = parseWorkloadState(view.annotations[annotation.state] ?? '');
  return { view, state: parsed.ok ? parsed.value : undefined };
};

/** Onboarded by their own annotations, whether anything was done about it or not. */
const switchedOn = ({ workloads }: ClusterWatches): readonly WorkloadView[] =>
  workloads.flatMap((snapshot) => [...snapshot.values()].filter((view) => view.annotations[annotation.enabled] === 'true'));

/** What is said in the end of workloads that are switched on; undefined where there is none. */
export const stillOn = (watches: ClusterWatches): string | undefined => {
  const on = switchedOn(watches).length;
  if (on === 0) return undefined;
  const [says, them] = on === 1 ? ['says', 'it'] : ['say', 'them'];
  return `${counted(on, 'workload')} still ${says} rouse.dev/enabled: "true", which is yours: Rouse, installed again, would onboard ${them}`;
};

export const nameOf = ({ namespace, name }: { readonly namespace: string; readonly name: string }): string => `${namespace}/${name}`;

/** Between two looks at the watches' snapshots; whoever waits looks at a screen. */
export const lookEvery = millis(250);

/** Aborts after `limit`. `cancel` lets the timer go. */
export const timeLimit = (clock: Clock, limit: Millis): { readonly signal: AbortSignal; cancel(): void } => {
  const controller = new AbortController();
  const timer = clock.after(limit, () => controller.abort(new Error('the time given with --timeout is over')));
  return { signal: controller.signal, cancel: () => timer.cancel() };
};

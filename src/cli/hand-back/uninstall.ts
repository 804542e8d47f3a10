import { annotation, millis, systemNamespace, type Millis } from '../../core/index.ts';
import { resources, type KubeClient } from '../../kube/index.ts';
import { counted } from '../counted.ts';
import { CommandError, exitCode, type ExitCode } from '../exit-code.ts';
import { findInstallation, isInstalled, removalPlan, removeInstallation, type Installation } from './installation.ts';
import { controllerLease, currentLeader } from '../controller/leadership.ts';
import { lookEvery, nameOf, remainsOf, stillOn, timeLimit, withWholeCluster, type CommandEnvironment, type WholeCluster } from './whole-cluster.ts';

export interface UninstallOptions extends CommandEnvironment {
  /** Only says what would be done. */
  readonly dryRun: boolean;
  /** Leaves Rouse itself where it is: whatever installed it removes it. */
  readonly handBackOnly: boolean;
  /** Ends an uninstall that was begun. */
  readonly cancel: boolean;
  /** For handing back. */
  readonly timeout: Millis;
}

const config = { namespace: systemNamespace, name: 'rouse-config' };

/**
 * Uninstalls in an order in which no request is lost: the controllers are told (a mark on ConfigMap `rouse-config`) to hand everything back and to
 * onboard nothing; once nothing of ours is left on any workload or Service, the webhook configurations go, the gateways, the controllers, the
 * rights, the namespace. May be ended at any point and run again: the mark stays, and each step looks at what is there.
 */
export const uninstall = (options: UninstallOptions, signal: AbortSignal): Promise<ExitCode> =>
  withWholeCluster(options, signal, async (cluster, following) => {
    const { client } = cluster;
    const { print } = options;
    if (options.cancel) return cancel(options, client, following);
    const installation = await findInstallation(client, following);
    const held = namesOf(cluster);
    if (!isInstalled(installation)) {
      print(`Rouse is not installed: there is no Namespace ${systemNamespace}`);
      if (held.length === 0) return exitCode.ok;
      print(`${counted(held.length, 'object')} of users still carry its annotations: rouse restore puts them back`);
      return exitCode.findings;
    }
    for (const line of planOf(cluster)) print(line);
    if (options.dryRun) {
      if (!options.handBackOnly) for (const line of removalPlan(installation)) print(`remove: ${line}`);
      print('dry run: nothing was changed');
      return exitCode.ok;
    }
    await handBack(options, cluster, { held, canMark: installation.namespace && !installation.isGoing }, following);
    if (options.handBackOnly) {
      print('everything is handed back; Rouse stays installed and onboards nothing (rouse uninstall --cancel ends that)');
      return exitCode.ok;
    }
    return remove(options, cluster, installation, following);
  });

const planOf = (cluster: WholeCluster): readonly string[] => {
  const { workloads, services } = remainsOf(cluster);
  return [
    ...workloads.map(({ view, state }) => {
      const before = state === undefined ? 'a number that cannot be read' : String(state.replicasBefore);
      const hpa = state?.adoptedHpa === undefined ? '' : ', and its HorizontalPodAutoscaler back';
      return `hand back: workload ${nameOf(view)}, ${counted(view.specReplicas, 'pod')} now, ${before} before Rouse${hpa}`;
    }),
    ...services.map((service) => `hand back: Service ${nameOf(service)}`),
  ];
};

/** Everything that has something of ours, by kind and name. */
const namesOf = (cluster: WholeCluster): readonly string[] => {
  const { workloads, services } = remainsOf(cluster);
  return [...workloads.map(({ view }) => `workload ${nameOf(view)}`), ...services.map((service) => `Service ${nameOf(service)}`)];
};

const handBack = async (
  options: UninstallOptions,
  cluster: WholeCluster,
  { held, canMark }: { readonly held: readonly string[]; readonly canMark: boolean },
  signal: AbortSignal,
): Promise<void> => {
  const { clock, print, doing, timeout } = options;
  doing('looking for the controller that leads');
  const leader = await currentLeader(cluster.client, clock, signal);
  if (leader === undefined && held.length > 0)
    throw new CommandError(
      'failure',
      'no controller leads, so nobody can hand anything back: start one (kubectl -n rouse-system get pods), or run rouse restore',
    );
  // Our namespace is gone or going, and everything is handed back: nobody is there to be told.
  if (!canMark && held.length === 0) return;
  if (!canMark)
    throw new CommandError(
      'failure',
      `the Namespace ${systemNamespace} is being deleted, so the controllers cannot be told: run rouse restore once it is gone`,
    );
  await mark(cluster.client, signal);
  print('the controllers hand everything back, and onboard nothing from now on');
  const limit = timeLimit(clock, timeout);
  try {
    await untilNothingIsHeld(options, cluster, held, AbortSignal.any([signal, limit.signal]));
  } catch (failure) {
    if (!limit.signal.aborted) throw failure;
    const left = namesOf(cluster);
    throw new CommandError(
      'failure',
      `not handed back within the given time: ${left.slice(0, 10).join(', ')}${left.length > 10 ? ` and ${left.length - 10} more` : ''}. It goes on; run rouse uninstall again to wait for it, or with --cancel to end it`,
    );
  } finally {
    limit.cancel();
  }
};

const mark = async (client: KubeClient, signal: AbortSignal): Promise<void> => {
  const annotations = { [annotation.handBack]: 'all' };
  let written = await client.mergePatch(resources.configMaps, config, { metadata: { annotations } }, signal);
  if (!written.ok && written.problem.kind === 'not-found')
    written = await client.create(resources.configMaps, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { ...config, annotations } }, signal);
  if (!written.ok) throw new CommandError('failure', `cannot mark the ConfigMap ${config.namespace}/${config.name}: ${written.problem.message}`);
};

const cancel = async ({ print }: UninstallOptions, client: KubeClient, signal: AbortSignal): Promise<ExitCode> => {
  const found = await client.get(resources.configMaps, config, signal);
  if (!found.ok && found.problem.kind !== 'not-found') throw new CommandError('failure', `cannot read the ConfigMap ${config.name}: ${found.problem.message}`);
  if (!found.ok || found.value.metadata?.annotations?.[annotation.handBack] === undefined) {
    print('no uninstall is under way');
    return exitCode.ok;
  }
  const written = await client.mergePatch(resources.configMaps, config, { metadata: { annotations: { [annotation.handBack]: null } } }, signal);
  if (!written.ok) throw new CommandError('failure', `cannot take the mark off the ConfigMap ${config.name}: ${written.problem.message}`);
  print('cancelled: workloads with rouse.dev/enabled: "true" are onboarded again');
  return exitCode.ok;
};

/** What was being onboarded when the mark came may show its first annotation a moment after the last of the others is gone. */
const settleFor = millis(2500);
const leaderLimit = millis(25_000);

/** Tells of each object, of those `held` at first too, as soon as it is handed back; resolves when none is left. Rejects only if aborted. */
const untilNothingIsHeld = async (
  { clock, print, doing }: UninstallOptions,
  cluster: WholeCluster,
  held: readonly string[],
  signal: AbortSignal,
): Promise<void> => {
  const leadership = new Leadership(cluster.client, print);
  let before = held;
  const all = new Set(before);
  let emptySince: number | undefined;
  for (;;) {
    const now = namesOf(cluster);
    for (const name of now) all.add(name);
    const open = new Set(now);
    for (const name of before.filter((each) => !open.has(each))) print(`handed back: ${name} (${all.size - now.length} of ${all.size})`);
    before = now;
    doing(`handing back, ${counted(now.length, 'object')} left`);
    if (now.length > 0) emptySince = undefined;
    else emptySince ??= clock.monotonic();
    if (emptySince !== undefined && clock.monotonic() - emptySince >= settleFor) return;
    await leadership.look(clock.monotonic(), signal);
    await clock.sleep(lookEvery, signal);
  }
};

/** Says so when nobody leads for a while: a controller that comes back goes on, so it is no reason to give up. */
class Leadership {
  readonly #client: KubeClient;
  readonly #print: (line: string) => void;
  #version: string | undefined;
  #changedAt: number | undefined;
  #lookedAt = Number.NEGATIVE_INFINITY;
  #told = false;

  constructor(client: KubeClient, print: (line: string) => void) {
    this.#client = client;
    this.#print = print;
  }

  async look(now: number, signal: AbortSignal): Promise<void> {
    if (now - this.#lookedAt < 2000) return;
    this.#lookedAt = now;
    const lease = await this.#client.get(resources.leases, controllerLease, signal);
    const version = lease.ok ? lease.value.metadata?.resourceVersion : this.#version;
    if (version !== this.#version || this.#changedAt === undefined) [this.#version, this.#changedAt] = [version, now];
    const silent = now - this.#changedAt >= leaderLimit;
    if (silent && !this.#told) this.#print('no controller leads at the moment; waiting for one (if none can start: rouse restore)');
    this.#told = silent;
  }
}

const remove = async (options: UninstallOptions, { client, watches }: WholeCluster, installation: Installation, signal: AbortSignal): Promise<ExitCode> => {
  const { clock, print, doing } = options;
  doing('removing Rouse, whose pods end what they have begun');
  // Asked before our namespace goes, with its Lease.
  await removeInstallation({ client, clock, print }, { ...installation, namespace: false }, signal);
  const other = await currentLeader(client, clock, signal);
  if (installation.namespace) await removeInstallation({ client, clock, print }, { namespace: true, isGoing: false, deployments: [], outside: [] }, signal);
  if (other !== undefined) print(`a controller still runs (${other}), started by somebody outside the cluster: stop it; it onboards nothing any more`);
  const on = stillOn(watches);
  if (on !== undefined) print(on);
  print('Rouse is uninstalled');
  return exitCode.ok;
};

import { createApi, type WorkloadReader, type WorkloadSummary } from '../api/index.ts';
import { seconds, systemNamespace } from '../core/index.ts';
import { createKubeClient, resources, runLeaderElection, type KubeClient } from '../kube/index.ts';
import type { ControllerInstruments } from '../metrics/index.ts';
import type { ScaledWorkload, Scaler } from '../scaler/index.ts';
import { registerWebhooks, type WebhookAddress } from '../webhooks/index.ts';
import { sharedAuthority } from './authority.ts';
import { checkRights, ownUser } from './check-rights.ts';
import { checkServer } from './check-server.ts';
import { watchCluster, type ClusterWatches } from './cluster-watches.ts';
import type { ControllerOptions } from './controller-options.ts';
import { createControlLoop, type ControlLoop } from './control-loop.ts';
import { startControllerServer, type ControllerServer } from './controller-server.ts';
import { CommandError } from './exit-code.ts';
import { admittedKinds } from './further-kinds.ts';
import { lazyFormulas } from './formulas.ts';
import { refuseOtherInstallation } from './other-installation.ts';
import { publishCa } from './publish-ca.ts';

/** A controller that runs. */
export interface Controller {
  readonly scaler: Scaler;
  readonly instruments: ControllerInstruments;
  readonly client: KubeClient;
  readonly caPem: string;
  /** Of webhooks and link. */
  readonly port: number;
  readonly api: ReturnType<typeof createApi>;
  /** Resolves when this replica leads for the first time, its webhooks are registered and its watches are in. */
  readonly leading: Promise<void>;
  /** Undefined while everything is in touch. */
  notReady(): string | undefined;
  /** Resolves when everything has ended, after the signal aborted; rejects where it ended by itself. */
  readonly ended: Promise<void>;
}

/** Puts a controller together and starts it. Throws a `CommandError` where it cannot start; ends when `signal` aborts. */
export const startController = async (given: ControllerOptions, signal: AbortSignal): Promise<Controller> => {
  const { connection, clock, random, logger } = given;
  const client = createKubeClient({ connection, clock });
  await checkServer(client, connection);
  const user = given.user ?? (await ownUser(client));
  const options = { ...given, ...(user === undefined ? {} : { user }) };
  await checkRights(client, options.namespaces, clock, signal);
  await refuseOtherInstallation(client, options.advertise, clock, signal);
  const authority = await sharedAuthority(client, clock);
  await publishCa(client, authority.certificatePem);
  const watches = watchCluster(connection, { clock, random, logger: logger.child({ part: 'kube' }) }, options.namespaces);
  const formulas = lazyFormulas(logger);
  const loop = createControlLoop({ options, client, watches, formulas }, signal);
  const { registry, kinds, link, scaler, instruments } = loop;
  const server = await startControllerServer({ options, client, watches, formulas, registry, kinds, link, authority });
  const { leading, election } = standForElection(options, client, loop, server.webhookAddress, signal);
  const ended = endOf([watches.run(signal), loop.run(signal), election], server);
  let synced = false;
  const whenSynced = loop.synced.then(() => {
    synced = true;
  });
  return {
    scaler,
    instruments,
    client,
    caPem: authority.certificatePem,
    port: server.port,
    api: createApi(readerOf(scaler)),
    leading: Promise.race([Promise.all([leading, whenSynced]), ended]).then(() => undefined),
    notReady: () => (synced ? silence(watches) : 'the first lists of the watches are not in yet'),
    ended,
  };
};

const lease = { namespace: systemNamespace, name: 'rouse-controller' };

/** For what `allow-kinds` names to be found, before the webhooks are registered without it. */
const kindsWithin = seconds(5);

/** Leads whenever the Lease is ours. `leading` resolves at the first time. */
const standForElection = (
  { clock, random, logger, identity, namespaces }: ControllerOptions,
  client: KubeClient,
  loop: ControlLoop,
  webhooks: WebhookAddress,
  signal: AbortSignal,
): { readonly leading: Promise<void>; readonly election: Promise<void> } => {
  const leading = Promise.withResolvers<undefined>();
  const onStarted = async (term: AbortSignal): Promise<void> => {
    const held = await client.get(resources.leases, lease, term);
    if (!held.ok) throw new CommandError('failure', `the Lease ${lease.namespace}/${lease.name} cannot be read: ${held.problem.message}`);
    const register = async (): Promise<void> => {
      const registered = await registerWebhooks(client, webhooks, namespaces, term, admittedKinds(loop.kinds));
      if (!registered.ok) logger.error('the webhooks cannot be registered; the cluster goes on without them', { problem: registered.problem.message });
    };
    // Rules of further kinds that another leader registered are not to go and come again.
    await Promise.race([loop.kinds.synced, clock.sleep(kindsWithin, term)]);
    await register();
    let registering = Promise.resolve();
    const stop = loop.kinds.onChange(() => {
      registering = registering.then(register).catch((problem: unknown) => {
        if (!term.aborted) logger.error('the webhooks cannot be registered anew', { problem });
      });
    });
    term.addEventListener('abort', stop, { once: true });
    const led = loop.lead(1 + (held.value.spec?.leaseTransitions ?? 0), term);
    leading.resolve(undefined);
    await led;
  };
  const election = runLeaderElection(
    { client, identity, lease, clock, random, logger: logger.child({ part: 'leader' }), onStarted, onStopped: () => undefined },
    signal,
  );
  return { leading: leading.promise, election };
};

const endOf = async (parts: readonly Promise<void>[], server: ControllerServer): Promise<void> => {
  try {
    await Promise.all(parts);
  } finally {
    await server.close();
  }
};

const silence = (watches: ClusterWatches): string | undefined => {
  const silent = watches.outOfTouch();
  return silent.length === 0 ? undefined : `out of touch with the API server: ${silent.join(', ')}`;
};

const readerOf = (scaler: Scaler): WorkloadReader => ({
  workloads: () => scaler.workloads().map(summary),
  explain: (namespace, name) => {
    const found = scaler.explain(namespace, name);
    return found === undefined ? undefined : { workload: summary(found.workload), decisions: found.decisions };
  },
});

const summary = ({ namespace, name, resource, desired, ready, reason }: ScaledWorkload): WorkloadSummary => ({
  namespace,
  name,
  resource,
  desired,
  ready,
  reason,
});

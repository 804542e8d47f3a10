import { createApi } from '../../api/index.ts';
import { millis, seconds, type Clock, type Logger } from '../../core/index.ts';
import { createKubeClient, resources, runLeaderElection, type KubeClient } from '../../kube/index.ts';
import type { ControllerInstruments } from '../../metrics/index.ts';
import type { Scaler } from '../../scaler/index.ts';
import { registerWebhooks } from '../../webhooks/index.ts';
import { keepCertificates, type CertificateKeeper } from './certificate-keeper.ts';
import { checkRights, ownUser } from './check-rights.ts';
import { checkServer } from './check-server.ts';
import { watchCluster, type ClusterWatches } from './cluster-watches.ts';
import type { ControllerOptions } from './controller-options.ts';
import { controllerSummary } from './controller-summary.ts';
import { createControlLoop, type ControlLoop } from './control-loop.ts';
import { servingNames, startControllerServer, type ControllerServer } from './controller-server.ts';
import { admittedKinds } from './further-kinds.ts';
import { lazyFormulas } from './formulas.ts';
import { controllerLease } from './leadership.ts';
import { refuseOtherInstallation } from './other-installation.ts';
import { liveReader } from './live-reader.ts';
import { pageAccess } from './page-access.ts';
import { rehearsePlacement } from './placement-rehearsal.ts';
import { workloadReader } from './workload-reader.ts';

/** A controller that runs. */
export interface Controller {
  readonly scaler: Scaler;
  readonly instruments: ControllerInstruments;
  readonly client: KubeClient;
  /** What gateways are to trust, at the moment. */
  caPem(): string;
  /** `listener` runs after that (or our own certificate) has changed. Returns the way to stop. */
  onCaChange(listener: () => void): () => void;
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
  await checkRights(client, options, signal);
  await refuseOtherInstallation(client, options.advertise, clock, signal);
  const certificates = await keepCertificates({ client, clock, logger: logger.child({ part: 'certificates' }), names: servingNames(options) });
  const watches = watchCluster(connection, { clock, random, logger: logger.child({ part: 'kube' }) }, options.namespaces);
  const formulas = lazyFormulas(logger);
  const loop = createControlLoop({ options, client, watches, formulas, certificates }, signal);
  const { registry, kinds, link, scaler, instruments, placing } = loop;
  const server = await startControllerServer({ options, client, watches, formulas, registry, kinds, link, certificates, placing, instruments });
  const { leading, election } = standForElection({ options, client, loop, server, certificates }, signal);
  const ended = endOf([watches.run(signal), loop.run(signal), certificates.run(signal), election], server);
  const rehearsed = placing === undefined ? Promise.resolve() : rehearse(certificates, clock, logger, signal);
  let [synced, isRehearsed] = [false, false];
  const notReady = (): string | undefined => {
    if (!synced) return 'the first lists of the watches are not in yet';
    return isRehearsed ? silence(watches) : 'the first calls of schedulers would be slow yet';
  };
  const aboutUs = controllerSummary({ options, link, notReady });
  const whenSynced = loop.synced.then(() => {
    synced = true;
  });
  const whenRehearsed = rehearsed.then(() => {
    isRehearsed = true;
  });
  return {
    scaler,
    instruments,
    client,
    caPem: () => certificates.caPem,
    onCaChange: (listener) => certificates.onChange(listener),
    port: server.port,
    api: createApi(workloadReader({ scaler, clock, placed: placing?.placed, controller: aboutUs }), clock, {
      reader: liveReader({ scaler, registry, failures: loop.failures, clock }),
      access: options.openPage === true ? { kind: 'loopback' } : pageAccess(client, clock),
    }),
    leading: Promise.race([Promise.all([leading, whenSynced, whenRehearsed]), ended]).then(() => undefined),
    notReady,
    ended,
  };
};

const rehearse = async ({ serving }: CertificateKeeper, clock: Clock, logger: Logger, signal: AbortSignal): Promise<void> => {
  try {
    await rehearsePlacement(serving, clock, signal);
  } catch (error) {
    logger.warn('the first calls of schedulers may be slow: rehearsing them failed', { error });
  }
};

/** For what `allow-kinds` names to be found, before the webhooks are registered without it. */
const kindsWithin = seconds(5);

/** Somebody may take the registration away, or change it. */
const registerEvery = seconds(20);

interface Standing {
  readonly options: ControllerOptions;
  readonly client: KubeClient;
  readonly loop: ControlLoop;
  readonly server: ControllerServer;
  readonly certificates: CertificateKeeper;
}

const leaseRetry = millis(500);

/** Of a call about the Lease: a connection that has gone silent is found out, and another taken, before the term of 10 s without a renewal is over. */
const renewalTimeout = millis(4000);

/** The number of our term. Asked until it is known: who holds the Lease and does not lead keeps everybody else from it. Rejects when the term ends. */
const epochOf = async (client: KubeClient, clock: Clock, logger: Logger, term: AbortSignal): Promise<number> => {
  for (;;) {
    const held = await client.get(resources.leases, controllerLease, term);
    if (held.ok) return 1 + (held.value.spec?.leaseTransitions ?? 0);
    logger.warn('the Lease that we hold cannot be read yet', { problem: held.problem.message });
    await clock.sleep(leaseRetry, term);
  }
};

/** Leads whenever the Lease is ours. `leading` resolves at the first time. */
const standForElection = (
  { options: { connection, clock, random, logger, identity, namespaces }, client, loop, server, certificates }: Standing,
  signal: AbortSignal,
): { readonly leading: Promise<void>; readonly election: Promise<void> } => {
  const leading = Promise.withResolvers<undefined>();
  const onStarted = async (elected: AbortSignal): Promise<void> => {
    const epoch = await epochOf(client, clock, logger, elected);
    const failed = new AbortController();
    const term = AbortSignal.any([elected, failed.signal]);
    const { registry, kinds } = loop;
    const register = async (): Promise<void> => {
      // Everything is handed back, and an uninstall takes the registration away: it is not to come again behind its back.
      if (registry.handsBackAll && registry.size === 0) return;
      const registered = await registerWebhooks(client, server.webhookAddress(), namespaces, term, admittedKinds(kinds), loop.placing !== undefined);
      if (!registered.ok) logger.error('the webhooks cannot be registered; the cluster goes on without them', { problem: registered.problem.message });
    };
    let registering = Promise.resolve();
    const again = (): void => {
      registering = registering.then(register).catch((problem: unknown) => {
        if (!term.aborted) logger.error('the webhooks cannot be registered anew', { problem });
      });
    };
    const keepRegistered = async (): Promise<void> => {
      // Rules of further kinds that another leader registered are not to go and come again.
      await Promise.race([kinds.synced, clock.sleep(kindsWithin, term)]);
      term.throwIfAborted();
      const repeated = clock.every(registerEvery, again);
      const stops = [kinds.onChange(again), certificates.onChange(again), () => repeated.cancel()];
      const end = (): void => {
        for (const stop of stops) stop();
      };
      term.addEventListener('abort', end, { once: true });
      again();
      await registering;
      leading.resolve(undefined);
    };
    certificates.lead(term);
    // Held requests wait for the first, and nobody for the second.
    const parts = [loop.lead(epoch, term), keepRegistered()];
    // Where one fails the other ends too, and has made its last write before the Lease is handed back.
    for (const part of parts) part.catch(() => failed.abort());
    await Promise.allSettled(parts);
    await Promise.all(parts);
  };
  const leaseClient = createKubeClient({ connection, clock, timeout: renewalTimeout });
  const election = runLeaderElection(
    { client: leaseClient, identity, lease: controllerLease, clock, random, logger: logger.child({ part: 'leader' }), onStarted, onStopped: () => undefined },
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

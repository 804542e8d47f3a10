import { millis, systemClock } from '../../core/index.ts';
import { createKubeClient, KubeError, loadKubeConfig, type KubeClient, type KubeConnection, type Refusal } from '../../kube/index.ts';
import { CommandError } from '../exit-code.ts';

/** A cluster, with the rights of whoever asks. */
export interface FoundCluster {
  readonly connection: KubeConnection;
  readonly client: KubeClient;
  /** The namespace that is meant where none is named. */
  readonly namespace: string;
}

export interface ClusterFinding {
  readonly namespace?: string;
  readonly kubeconfig?: string;
  readonly context?: string;
}

const patience = millis(10_000);

/** By `--kubeconfig` and `--context`, else as kubectl does. Throws a `CommandError` where there is none. */
export const findCluster = async ({ namespace, kubeconfig, context }: ClusterFinding): Promise<FoundCluster> => {
  const connection = await loadKubeConfig(kubeconfig === undefined ? { kind: 'default', context } : { kind: 'file', path: kubeconfig, context }).catch(
    (failure: unknown) => {
      if (!(failure instanceof KubeError)) throw failure;
      // Whoever has named one is told what is wrong with that.
      const hint =
        kubeconfig === undefined && context === undefined ? '; name a cluster with --kubeconfig, or export the KUBECONFIG that rouse local prints' : '';
      throw new CommandError('usage', `${failure.message}${hint}`, failure);
    },
  );
  const client = createKubeClient({ connection, clock: systemClock, timeout: patience });
  return { connection, client, namespace: namespace ?? connection.namespace ?? 'default' };
};

/** A refusal of the API server as the end of a command. */
export const refusedTo = (what: string, { kind, message }: Refusal, { server }: Pick<KubeConnection, 'server'>): CommandError => {
  switch (kind) {
    case 'unauthorized':
      return new CommandError('failure', `the API server at ${server.href} does not know who you are: ${message}`);
    case 'forbidden':
      return new CommandError('failure', `you may not ${what}: ${message}`);
    case 'unavailable':
      return new CommandError('failure', `the API server at ${server.href} cannot be used: ${message}`);
    default:
      return new CommandError('failure', `cannot ${what}: ${message}`);
  }
};

/** What a test run is told of the cluster it runs in: `cluster.json` in the cluster's directory. */
export interface ClusterState {
  readonly directory: string;
  /** Unix socket of the supervisor. */
  readonly socket: string;
  readonly nodes: readonly string[];
  readonly server: string;
  readonly caPem: string;
  /** User name → bearer token. */
  readonly tokens: Readonly<Record<string, string>>;
}

/** Environment variable that names the cluster's directory, in every process that runs inside it. */
export const clusterVariable = 'ROUSE_TEST_CLUSTER';

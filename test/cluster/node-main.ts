/**
 * A node of the test cluster: our kubelet against the real API server, as a process of its own, so that it can be lost alone. With it go its
 * pods: the kubelet's guard ends them when the kubelet is gone, however it went.
 */
import { readFile } from 'node:fs/promises';
import { jsonLogger, systemClock, systemRandom } from '../../src/core/index.ts';
import { loadKubeConfig } from '../../src/kube/index.ts';
import { startClusterKubelet, type ImageMap } from '../../src/local/index.ts';

/** What the cluster says to a node, as JSON in the file that is our one argument. */
export interface NodeSettings {
  readonly name: string;
  readonly kubeconfig: string;
  readonly share: number;
  readonly shares: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly podLimit: number;
  readonly cwd: string;
  readonly isDualStack: boolean;
  readonly directory: string;
  readonly dns: string;
  readonly images: ImageMap;
  readonly leaseSeconds: number;
  /** Under the environment of every container. */
  readonly environment: Readonly<Record<string, string>>;
}

// Our clocks keep no process alive: the watch of pods does, except while it is being made anew.
const awake = setInterval(() => undefined, 60_000);
const { name, kubeconfig, environment, ...settings } = JSON.parse(await readFile(process.argv[2] ?? '', 'utf8')) as NodeSettings;
const logger = jsonLogger((line) => process.stderr.write(`${line}\n`), systemClock, 'info', { node: name });
const kubelet = await startClusterKubelet({
  connection: await loadKubeConfig({ kind: 'file', path: kubeconfig }),
  clock: systemClock,
  random: systemRandom,
  logger,
  nodeName: name,
  baseEnvironment: environment,
  ...settings,
});
logger.info('the node takes pods');
process.once('SIGTERM', () => {
  clearInterval(awake);
  void kubelet.close().then(() => process.exit(0));
});

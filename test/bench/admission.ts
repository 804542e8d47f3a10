import { cpus } from 'node:os';
import type { Cluster } from '../cluster/harness/cluster.ts';
import { rouseFromShell } from '../cluster/harness/rouse-from-shell.ts';
import { deployment, onboarded } from '../support/app.ts';
import { until } from '../support/until.ts';
import { inCluster } from './in-cluster.ts';
import { percentile, table } from './statistics.ts';

const rounds = 5;
const each = 200;
const configurations = '/apis/admissionregistration.k8s.io/v1';

/** What the API server takes to create an unrelated Deployment, with Rouse's webhooks registered and without; turn by turn, so that both meet the same machine. */
export const run = (): Promise<void> =>
  inCluster('admission', async (cluster, scope) => {
    const rouse = await rouseFromShell(scope, cluster);
    const { child } = await rouse.startController('10.77.200.10');
    const namespace = await cluster.namespace(scope);
    const kinds = ['mutatingwebhookconfigurations', 'validatingwebhookconfigurations'] as const;
    const registered = await Promise.all(kinds.map(async (kind) => (await cluster.api('GET', `${configurations}/${kind}/rouse`)).body));
    const [without, withRouse, ours] = [[], [], []] as [number[], number[], number[]];
    for (let round = 0; round < rounds; round += 1) {
      // It would put its registration back.
      child.kill('SIGSTOP');
      for (const kind of kinds) await cluster.api('DELETE', `${configurations}/${kind}/rouse`);
      await inForce(cluster, namespace, false);
      without.push(...(await times(cluster, namespace, {})));
      child.kill('SIGCONT');
      for (const [index, kind] of kinds.entries()) {
        const { metadata: _, ...configuration } = registered[index] ?? {};
        await cluster.api('POST', `${configurations}/${kind}`, { ...configuration, metadata: { name: 'rouse' } });
      }
      await inForce(cluster, namespace, true);
      withRouse.push(...(await times(cluster, namespace, {})));
      ours.push(...(await times(cluster, namespace, onboarded)));
    }
    const row = (what: string, values: readonly number[]): readonly (string | number)[] => [
      what,
      ...[0.5, 0.9, 0.99].map((share) => percentile(values, share)),
      Math.max(...values),
    ];
    console.log(`a dry-run create of a Deployment, one after the other, ${rounds * each} each, ${cpus().length} cores shared with the control plane, ms\n`);
    console.log(
      table(
        ['', 'p50', 'p90', 'p99', 'max'],
        [
          row('not onboarded, without Rouse', without),
          row('not onboarded, with Rouse', withRouse),
          row('onboarded: asked of Rouse twice, mutating and validating', ours),
        ],
      ),
    );
  });

const paths = (namespace: string): string => `/apis/apps/v1/namespaces/${namespace}/deployments?dryRun=All`;

/** The API server hears of a configuration a moment after it is written: a bad annotation tells. */
const inForce = async ({ api }: Cluster, namespace: string, wanted: boolean): Promise<void> => {
  const bad = deployment('bad', { namespace, annotations: { ...onboarded, 'rouse.dev/target': 'many' } });
  await until(`the webhooks are ${wanted ? '' : 'not '}in force`, async () => ((await api('POST', paths(namespace), bad)).status === 201) !== wanted, 20_000);
};

const times = async ({ api }: Cluster, namespace: string, annotations: Readonly<Record<string, string>>): Promise<readonly number[]> => {
  const found: number[] = [];
  for (let index = 0; index < each; index += 1) {
    const object = deployment(`web-${index}`, { namespace, annotations });
    const from = performance.now();
    const { status } = await api('POST', paths(namespace), object);
    found.push(performance.now() - from);
    if (status !== 201) throw new Error(`a Deployment was answered ${status}`);
  }
  return found;
};

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { until } from '../../support/until.ts';
import { controlPlaneBinary } from './binary.ts';
import type { Cluster, Scope } from './cluster.ts';

const manifest = join(import.meta.dirname, '..', '..', '..', 'deploy', 'components', 'placement', 'scheduler.yaml');

interface Configuration {
  readonly extenders: readonly { readonly tlsConfig: object }[];
}

/** The very configuration that `deploy/` gives the second scheduler. */
const deployed = async (): Promise<Configuration> => {
  const [first = ''] = (await readFile(manifest, 'utf8')).split(/^---$/m);
  const { data } = parse(first) as { readonly data: Readonly<Record<string, string>> };
  return parse(data['config.yaml'] ?? '') as Configuration;
};

export interface SecondScheduler {
  /** SIGKILL; resolves when it is gone. */
  kill(): Promise<void>;
  /** The end of what it said, for a failure. */
  errors(): string;
}

/**
 * kube-scheduler as `rouse-scheduler`, with the rights and the configuration of `deploy/components/placement`, beside the cluster: only where it finds its
 * extender, `urlPrefix`, is another place. Resolves when it holds its Lease. Ended after the test.
 */
export const startSecondScheduler = async (
  t: Scope,
  cluster: Cluster,
  { urlPrefix, caFile, ...more }: { readonly urlPrefix: string; readonly caFile: string; readonly filterVerb?: string; readonly httpTimeout?: string },
): Promise<SecondScheduler> => {
  const directory = await mkdtemp(join(tmpdir(), 'rouse-scheduler-'));
  const { extenders, ...configuration } = await deployed();
  const file = join(directory, 'config.yaml');
  const content = {
    ...configuration,
    clientConnection: { kubeconfig: await cluster.kubeconfig('system:serviceaccount:rouse-system:rouse-scheduler') },
    extenders: extenders.map((extender) => ({ ...extender, urlPrefix, tlsConfig: { caFile }, ...more })),
  };
  await writeFile(file, stringify(content));
  const binary = await controlPlaneBinary(() => undefined);
  const lease = '/apis/coordination.k8s.io/v1/namespaces/rouse-system/leases/rouse-scheduler';
  const holder = async (): Promise<string | undefined> =>
    ((await cluster.api('GET', lease)).body as { spec?: { holderIdentity?: string } }).spec?.holderIdentity;
  const before = await holder();
  const child = spawn(binary, ['kube-scheduler', `--config=${file}`, '--secure-port=0'], { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (said = `${said}${chunk}`.slice(-4000)));
  const closed = once(child, 'close');
  const kill = async (): Promise<void> => {
    child.kill('SIGKILL');
    await closed;
  };
  t.teardown(async () => {
    await kill();
    await rm(directory, { recursive: true, force: true });
  });
  await until(
    'the second scheduler leads',
    async () => ![undefined, '', before].includes(await holder()),
    45_000,
    () => said,
  );
  return { kill, errors: () => said };
};

import test from 'ava';
import { annotation } from '../../src/core/index.ts';
import { deployment, onboarded, service } from '../support/app.ts';
import { startLoad } from '../support/load.ts';
import { startRouse, type RouseProcess } from '../support/rouse-process.ts';
import { startSeparateProcesses, type SeparateProcesses } from '../support/separate-processes.ts';
import { followSlices, type SliceClient } from '../support/slice-client.ts';
import { until } from '../support/until.ts';

/** Every address of 127.0.0.0/8 can be bound on Linux alone; elsewhere two gateways have no two addresses to stand on. */
const onLinux = process.platform === 'linux' ? test : test.skip;

const deployments = '/apis/apps/v1/namespaces/default/deployments';
const services = '/api/v1/namespaces/default/services';
const autoscalers = '/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers';
const apply = 'fieldManager=flux&force=true';

interface Live {
  readonly metadata: { readonly annotations?: Readonly<Record<string, string>>; readonly managedFields: readonly { readonly manager: string }[] };
  readonly spec: { readonly replicas?: number; readonly selector?: Readonly<Record<string, string>> };
}

let rouse: SeparateProcesses;
const clients: SliceClient[] = [];
test.before(async () => {
  if (process.platform === 'linux') rouse = await startSeparateProcesses();
});
test.after.always(async () => {
  await Promise.all(clients.map((client) => client.close()));
  await (rouse as SeparateProcesses | undefined)?.close();
});

const live = async (path: string, name: string): Promise<Live> => (await rouse.api('GET', `${path}/${name}`)).body as unknown as Live;
const ours = ({ metadata }: Live): readonly string[] =>
  Object.keys(metadata.annotations ?? {}).filter((key) => key.startsWith('rouse.dev/') && !(key in onboarded));

/** Applied by flux, server-side: the selector and the count are its own. */
const create = async (name: string, replicas: number, annotations: Readonly<Record<string, string>> = onboarded): Promise<SliceClient> => {
  for (const [path, object] of [
    [deployments, deployment(name, { annotations, replicas })],
    [services, service(name)],
  ] as const) {
    const answer = await rouse.api.patch(`${path}/${name}?${apply}`, object, 'apply');
    if (answer.status >= 300) throw new Error(JSON.stringify(answer.body));
  }
  const client = await followSlices(rouse.api, name);
  clients.push(client);
  return client;
};

const isTakenOver = async (name: string): Promise<boolean> => annotation.selector in ((await live(services, name)).metadata.annotations ?? {});
const restore = (...flags: readonly string[]): RouseProcess => startRouse(['restore', '--kubeconfig', rouse.adminKubeconfig, ...flags]);

onLinux(
  "where Rouse's namespace was deleted, restore puts everything back from the annotations: ended half-way and run again, without a failed request",
  async (t) => {
    const controller = await rouse.startController();
    await rouse.leads(controller);
    const gateways = await Promise.all([0, 1].map((number) => rouse.startGateway(number)));
    const hpa = { apiVersion: 'autoscaling/v2', kind: 'HorizontalPodAutoscaler', metadata: { name: 'auto', namespace: 'default' } };
    await rouse.api('POST', autoscalers, { ...hpa, spec: { scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'scaled' }, maxReplicas: 3 } });
    const [busy] = await Promise.all([
      create('busy', 1, { ...onboarded, 'rouse.dev/min-scale': '2' }),
      create('asleep', 2),
      create('orphan', 1),
      create('scaled', 1, { ...onboarded, 'rouse.dev/adopt-hpa': 'true' }),
    ]);
    for (const name of ['busy', 'asleep', 'orphan', 'scaled']) await until(`${name} is taken over`, () => isTakenOver(name));
    await until(
      'the counts are what Rouse wants',
      async () => (await live(deployments, 'busy')).spec.replicas === 2 && (await live(deployments, 'asleep')).spec.replicas === 0,
      45_000,
    );
    await until('the HPA is adopted', async () => (await rouse.api('GET', `${autoscalers}/auto`)).status === 404);

    const early = restore();
    t.is(await early.ended, 3);
    t.regex(early.errors(), /a controller \(.*\) is at work and would undo this: run rouse uninstall/);
    await controller.stop('SIGKILL');
    const load = startLoad(t, 4, () => busy.get('/sleep?ms=100'));
    await rouse.api('DELETE', `${deployments}/orphan`);
    await rouse.api.patch(`${deployments}/scaled`, { metadata: { annotations: { note: 'a deployment without webhooks to ask' } } });
    await rouse.api('DELETE', '/api/v1/namespaces/rouse-system');
    await until('the namespace is gone', async () => (await rouse.api('GET', '/api/v1/namespaces/rouse-system')).status === 404);

    const dry = restore('--dry-run');
    t.is(await dry.ended, 0, dry.errors());
    t.deepEqual(dry.lines.toSorted(), [
      'Service default/asleep: selector app=asleep comes back',
      'Service default/busy: selector app=busy comes back',
      'Service default/orphan: selector app=orphan comes back',
      'Service default/scaled: selector app=scaled comes back',
      'dry run: nothing was changed',
      'workload default/asleep: 0 pods now, 2 before Rouse: 2 after',
      'workload default/busy: 2 pods now, 1 before Rouse: 2 after',
      dry.lines.find((line) => /^workload default\/scaled: [01] pods? now, 1 before Rouse: 1 after, and its HorizontalPodAutoscaler comes back$/.test(line)),
    ]);
    t.true(await isTakenOver('busy'));

    const first = restore();
    await first.line(/being handed back/);
    await first.stop('SIGKILL');
    const second = restore();
    t.is(await second.ended, 0, second.errors());
    await until('pods answer without a gateway', () => busy.targets().length === 2 && busy.targets().every((target) => target.startsWith('127.0.0.1:')));
    // What was in the gateways when the pods took over has its answer before they end.
    const through = await load.stop();
    await Promise.all(gateways.map((gateway) => gateway.stop('SIGKILL')));
    const after = startLoad(t, 4, () => busy.get('/sleep?ms=100'));
    await until('the load goes on without any gateway', () => after.answers.length > 20);
    t.deepEqual(
      [...through, ...(await after.stop())].filter(({ status }) => status !== 200),
      [],
    );

    for (const [name, replicas] of [
      ['busy', 2],
      ['asleep', 2],
      ['scaled', 1],
    ] as const) {
      const [workload, front] = [await live(deployments, name), await live(services, name)];
      t.is(workload.spec.replicas, replicas, name);
      t.deepEqual([ours(front), front.spec.selector], [[], { app: name }]);
      t.deepEqual(
        ours(workload).filter((key) => key === annotation.state || key === annotation.status),
        [],
      );
      t.is(workload.metadata.annotations?.[annotation.enabled], 'true', 'what the user wrote stays');
      for (const { metadata } of [workload, front])
        t.false(
          metadata.managedFields.some(({ manager }) => manager === 'rouse'),
          JSON.stringify(metadata.managedFields),
        );
    }
    t.deepEqual((await live(services, 'orphan')).spec.selector, { app: 'orphan' });
    t.is((await rouse.api('GET', `${autoscalers}/auto`)).status, 200);
    t.is((await rouse.api('GET', '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/rouse')).status, 404);
    const changed = { ...service('busy'), spec: { ...(service('busy').spec as object), selector: { app: 'other' } } };
    t.is((await rouse.api.patch(`${services}/busy?fieldManager=flux`, changed, 'apply')).status, 200, 'its owner changes it without a conflict');

    const third = restore();
    t.is(await third.ended, 0, third.errors());
    t.deepEqual(third.lines, [
      'webhook configurations: gone',
      'nothing of Rouse was on any workload or Service',
      '3 workloads still say rouse.dev/enabled: "true", which is yours: Rouse, installed again, would onboard them',
    ]);
  },
);

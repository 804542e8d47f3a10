import test from 'ava';
import { until } from '../../support/until.ts';
import { startScene, type Scene } from './scene.ts';

/** What was in the pods of the node has two seconds to break once they are dead. */
const breaksWithinMs = 2000;

let scene: Scene;
test.before(async () => {
  scene = await startScene('a node lost');
});
test.after.always(() => scene.close());

interface Pods {
  readonly items: readonly { readonly spec: { readonly nodeName?: string }; readonly metadata: { readonly deletionTimestamp?: string } }[];
}

test.serial('a node lost with its pods costs what was in them and nothing after; the count stays, and new pods come up elsewhere', async (t) => {
  t.timeout(300_000);
  const { cluster, namespace } = scene;
  const nodesOf = async (): Promise<readonly (string | undefined)[]> => {
    const { items } = (await cluster.api('GET', `/api/v1/namespaces/${namespace}/pods?labelSelector=app%3Dbusy`)).body as unknown as Pods;
    return items.filter(({ metadata }) => metadata.deletionTimestamp === undefined).map(({ spec }) => spec.nodeName);
  };
  /** Ready, and pods may go there again: the controllers take their taint off up to five seconds later, and other files want every node. */
  const takesPods = async (node: string): Promise<boolean> => {
    const { spec, status } = (await cluster.api('GET', `/api/v1/nodes/${node}`)).body as {
      readonly spec?: { readonly taints?: readonly unknown[] };
      readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
    };
    const isReady = status?.conditions?.some((condition) => condition.type === 'Ready' && condition.status === 'True') === true;
    return isReady && (spec?.taints ?? []).length === 0;
  };
  const fault = await scene.begin(t);
  const lost = (await nodesOf()).find((node) => node !== undefined) ?? '';
  await cluster.node(lost).kill();
  const deadAt = performance.now();
  const isElsewhere = async (): Promise<boolean> => {
    const nodes = await nodesOf();
    return nodes.length === 2 && nodes.every((node) => node !== undefined && node !== lost);
  };
  await until('both pods run elsewhere', isElsewhere, 90_000, nodesOf);
  t.regex(await fault.wake(), /"pod":"idle-/);
  await fault.during(5000);
  await cluster.node(lost).start();
  await until('the node is back', () => takesPods(lost), 60_000);
  await fault.end((failures) => {
    t.deepEqual(
      failures.filter(({ at }) => at - deadAt > breaksWithinMs),
      [],
    );
    for (const { text } of failures) t.regex(text, /502 .*upstream-reset/);
    t.log(`${failures.length} requests failed with the pods that they were in`);
  });
});

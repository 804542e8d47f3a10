import { resources } from '../../../kube/index.ts';
import { account, type ControllerContext } from './context.ts';
import { isDeleting } from './owners.ts';
import { splitKey } from './objects.ts';

const me = account('statefulset-controller');

/** The embedded cluster runs no pods of StatefulSets; it says so in their status, so that whoever scales one sees its count observed. */
export const startStatefulSetStatus = (context: ControllerContext): void => {
  const { api } = context;
  const queue = context.queue('statefulset', async (key) => {
    const [namespace, name] = splitKey(key);
    const set = api.get(resources.statefulSets, namespace, name);
    if (set === undefined || isDeleting(set) || set.status?.observedGeneration === set.metadata.generation) return;
    const status = { ...set.status, observedGeneration: set.metadata.generation ?? 0, replicas: 0, availableReplicas: 0, collisionCount: 0 };
    await api.update(resources.statefulSets, { ...set, status }, me, 'status');
  });
  const add = (namespace: string | undefined, name: string): void => {
    queue.add(`${namespace ?? ''}/${name}`);
  };
  for (const { metadata } of api.list(resources.statefulSets)) add(metadata.namespace, metadata.name);
  context.onClose(
    api.watch(resources.statefulSets, ({ object }) => {
      add(object.metadata.namespace, object.metadata.name);
    }),
  );
};

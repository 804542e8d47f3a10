import type { Selection } from '../client.ts';
import { at, integer, items, text } from '../reader.ts';
import type { BoundPodView } from '../views.ts';
import { imageName } from './image-name.ts';
import { nodeTexts } from './interner.ts';
import { conditionOf, controllerOf } from './meta.ts';
import { podRequests } from './pod-requests.ts';

/** Pods that are on a node and have not ended: what fills nodes. */
export const boundPods: Selection = { fieldSelector: 'spec.nodeName!=,status.phase!=Succeeded,status.phase!=Failed' };

/** A label that controllers give all pods of one template: a Deployment's ReplicaSets, and StatefulSets. */
export const podRevision = (raw: unknown): string | undefined => {
  const labels = at(raw, 'metadata', 'labels');
  const revision = text(at(labels, 'pod-template-hash')) ?? text(at(labels, 'controller-revision-hash'));
  return revision === undefined ? undefined : nodeTexts.text(revision);
};

/** Names of the images that a pod runs, as `NodeView.images` has them. */
export const podImages = (raw: unknown): readonly string[] => {
  const containers = [...items(at(raw, 'spec', 'initContainers')), ...items(at(raw, 'spec', 'containers'))];
  return [...new Set(containers.flatMap((container) => text(at(container, 'image')) ?? []))].filter((image) => image !== '').map(imageName);
};

/** A bound pod of any namespace, trimmed to what counts for nodes: there are as many as the cluster has. */
export const boundPodView = (raw: unknown): BoundPodView => {
  const phase = text(at(raw, 'status', 'phase'));
  const restarts = items(at(raw, 'status', 'containerStatuses')).some((container) => (integer(at(container, 'restartCount')) ?? 0) > 0);
  return {
    namespace: nodeTexts.text(text(at(raw, 'metadata', 'namespace')) ?? ''),
    name: text(at(raw, 'metadata', 'name')) ?? '',
    uid: text(at(raw, 'metadata', 'uid')) ?? '',
    owner: controllerOf(raw),
    revision: podRevision(raw),
    nodeName: nodeTexts.text(text(at(raw, 'spec', 'nodeName')) ?? ''),
    requests: podRequests(raw),
    ready: at(conditionOf(raw, 'Ready'), 'status') === 'True',
    hasRestarted: restarts,
    deleting: text(at(raw, 'metadata', 'deletionTimestamp')) !== undefined,
    finished: phase === 'Succeeded' || phase === 'Failed',
  };
};

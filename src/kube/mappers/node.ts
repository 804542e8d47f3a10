import { zoneLabel } from '../../core/index.ts';
import { at, flag, isRecord, items, quantity, text, texts } from '../reader.ts';
import type { NodeView } from '../views.ts';
import { imageName } from './image-name.ts';
import { nodeTexts, shared } from './interner.ts';

/** Nodes differ in one label (their name), so that the texts are shared and not the labels. */
const labelsOf = (raw: unknown): Readonly<Record<string, string>> => {
  const labels = at(raw, 'metadata', 'labels');
  const found: Record<string, string> = {};
  if (isRecord(labels)) for (const [key, value] of Object.entries(labels)) if (typeof value === 'string') found[key] = nodeTexts.text(value);
  return found;
};

const taintsOf = (raw: unknown): NodeView['taints'] =>
  shared.share(
    items(at(raw, 'spec', 'taints')).flatMap((taint) => {
      const key = text(at(taint, 'key'));
      return key === undefined ? [] : [{ key, value: text(at(taint, 'value')) ?? '', effect: text(at(taint, 'effect')) ?? '' }];
    }),
  );

/** An image has a name by tag and one by digest; untagged ones (`<none>`) are nobody's. */
const imagesOf = (raw: unknown): readonly string[] => [
  ...new Set(
    items(at(raw, 'status', 'images'))
      .flatMap((image) => texts(at(image, 'names')))
      .filter((name) => name !== '' && !name.includes('<none>'))
      .map((name) => nodeTexts.text(imageName(name))),
  ),
];

/** The kubelet's `nodeStatusMaxImages`, unless it is told otherwise. */
const mostImages = 50;

/** A Node. Of its annotations none is kept: who is about to remove a node says so with a taint. */
export const nodeView = (raw: unknown): NodeView => {
  const amount = (kind: string): number => Math.max(0, quantity(at(raw, 'status', 'allocatable', kind)) ?? 0);
  const labels = labelsOf(raw);
  const known = items(at(raw, 'status', 'images')).length;
  return {
    name: text(at(raw, 'metadata', 'name')) ?? '',
    uid: text(at(raw, 'metadata', 'uid')) ?? '',
    labels,
    zone: labels[zoneLabel],
    taints: taintsOf(raw),
    unschedulable: flag(at(raw, 'spec', 'unschedulable')),
    deleting: text(at(raw, 'metadata', 'deletionTimestamp')) !== undefined,
    allocatable: shared.share({ cpu: amount('cpu'), memory: amount('memory'), pods: amount('pods') }),
    images: imagesOf(raw),
    namesAllImages: known > 0 && known < mostImages,
  };
};

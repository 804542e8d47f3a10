import { at, isRecord, items, text, textMap, time } from '../reader.ts';
import type { OwnerView } from '../views.ts';
import { shared } from './interner.ts';

/** kubectl's own bookkeeping: a copy of the whole manifest. */
const lastApplied = 'kubectl.kubernetes.io/last-applied-configuration';

export interface Meta {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly createdAt: number;
  readonly deleting: boolean;
}

/** `metadata`, without what we never use. `keepAnnotation` says which annotations are worth their memory. */
export const metaView = (raw: unknown, keepAnnotation: (key: string) => boolean = (key) => key !== lastApplied): Meta => {
  const meta = at(raw, 'metadata');
  return {
    namespace: text(at(meta, 'namespace')) ?? '',
    name: text(at(meta, 'name')) ?? '',
    uid: text(at(meta, 'uid')) ?? '',
    resourceVersion: text(at(meta, 'resourceVersion')) ?? '',
    labels: shared.share(textMap(at(meta, 'labels'))),
    annotations: textMap(at(meta, 'annotations'), keepAnnotation),
    createdAt: time(at(meta, 'creationTimestamp')),
    deleting: text(at(meta, 'deletionTimestamp')) !== undefined,
  };
};

/** The owner that controls the object. */
export const controllerOf = (raw: unknown): OwnerView | undefined => {
  const owner = items(at(raw, 'metadata', 'ownerReferences')).find((each) => isRecord(each) && each['controller'] === true);
  const [kind, name, uid] = [text(at(owner, 'kind')), text(at(owner, 'name')), text(at(owner, 'uid'))];
  return kind === undefined || name === undefined || uid === undefined ? undefined : shared.share({ kind, name, uid });
};

/** The entry of `status.conditions` of this type. */
export const conditionOf = (raw: unknown, type: string): unknown => items(at(raw, 'status', 'conditions')).find((each) => at(each, 'type') === type);

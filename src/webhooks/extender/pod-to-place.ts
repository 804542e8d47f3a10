import type { OwnerView } from '../../kube/index.ts';
import { isJson, type Json } from '../admission/review.ts';
import type { PodToPlace } from './ports.ts';

/** Of names: a DNS subdomain (RFC 1123). */
const longestName = 253;

export const isName = (value: unknown): value is string => typeof value === 'string' && value !== '' && value.length <= longestName;
const nameOr = (value: unknown, otherwise: string): string => (isName(value) ? value : otherwise);

const ownerOf = (metadata: Json): OwnerView | undefined => {
  const owners: unknown = metadata['ownerReferences'];
  const owner: unknown = Array.isArray(owners) ? owners.find((each) => isJson(each) && each['controller'] === true) : undefined;
  if (!isJson(owner)) return undefined;
  const { kind, name, uid } = owner;
  return isName(kind) && isName(name) && isName(uid) ? { kind, name, uid } : undefined;
};

/** A Pod as it came, whatever it is. Before it is created it has neither uid nor namespace, and a name only where it is not generated: these are empty then. */
export const podToPlace = (object: Json, namespace = ''): PodToPlace => {
  const metadata = isJson(object['metadata']) ? object['metadata'] : {};
  const labels = isJson(metadata['labels']) ? metadata['labels'] : {};
  const hash = labels['pod-template-hash'];
  return {
    uid: nameOr(metadata['uid'], ''),
    namespace: nameOr(metadata['namespace'], namespace),
    name: nameOr(metadata['name'], ''),
    owner: ownerOf(metadata),
    templateHash: isName(hash) ? hash : undefined,
    object,
  };
};

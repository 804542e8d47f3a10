import type { PodTemplateSpec } from 'kubernetes-types/core/v1.d.ts';
import { equal, isObject } from '../../json.ts';

export const hashLabel = 'pod-template-hash';

const alphabet = 'bcdfghjklmnpqrstvwxz2456789';

/** JSON with sorted keys: the same template gives the same text however it was written. */
const canonical = (value: unknown): string => {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (!isObject(value)) return value === undefined ? 'null' : JSON.stringify(value);
  const fields = Object.keys(value).sort();
  return `{${fields.map((field) => `${JSON.stringify(field)}:${canonical(value[field])}`).join(',')}}`;
};

/** 32-bit FNV-1a (http://www.isthe.com/chongo/tech/comp/fnv/). */
const fnv1a = (text: string): number => {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return hash;
};

/**
 * The `pod-template-hash` of a template: FNV-1a in the safe alphabet, as ComputeHash of kubernetes `pkg/controller` makes it. The numbers
 * differ from a real cluster's, which hashes a dump of its Go structures; only being stable and distinct matters.
 */
export const templateHash = (template: PodTemplateSpec, collisionCount: number | undefined): string =>
  String(fnv1a(canonical(template) + (collisionCount === undefined ? '' : String(collisionCount)))).replace(/\d/g, (digit) =>
    alphabet.charAt(digit.charCodeAt(0) % alphabet.length),
  );

const withoutHash = (template: PodTemplateSpec | undefined): unknown => {
  const { [hashLabel]: _hash, ...labels } = template?.metadata?.labels ?? {};
  const { labels: _labels, creationTimestamp: _created, ...metadata } = template?.metadata ?? {};
  return { spec: template?.spec, metadata: { ...metadata, labels } };
};

/** Equality but for the hash label, which the controller adds. */
export const sameTemplate = (left: PodTemplateSpec | undefined, right: PodTemplateSpec | undefined): boolean => equal(withoutHash(left), withoutHash(right));

import { annotation, isTakenOver, savedAfterTakeover, printSavedSelector, takenOverFor, type ServiceObject } from '../../core/index.ts';
import { allow, type Verdict } from './answer.ts';
import { isJson, type Json } from './review.ts';
import { labelsAt } from './workload-object.ts';

const serviceOf = (object: Json): ServiceObject => {
  const selector = labelsAt(object, 'spec', 'selector');
  const managedFields = isJson(object['metadata']) ? object['metadata']['managedFields'] : undefined;
  return {
    metadata: {
      annotations: labelsAt(object, 'metadata', 'annotations'),
      managedFields: Array.isArray(managedFields) ? managedFields.filter(isJson) : [],
    },
    spec: Object.keys(selector).length === 0 ? {} : { selector },
  };
};

/**
 * Keeps a taken-over Service taken over: a selector that a write brings back goes into the annotation, and our annotations stay.
 * A Service that is being handed back has its selector already: that is left alone.
 */
export const mutateService = (object: Json, oldObject: Json | undefined, bySelf: boolean): Verdict => {
  if (bySelf || oldObject === undefined) return allow;
  const before = serviceOf(oldObject);
  if (!isTakenOver(before)) return allow;
  const now = serviceOf(object);
  const had = before.metadata?.annotations ?? {};
  const sent = now.metadata?.annotations ?? {};
  const kept = Object.fromEntries([annotation.selector, annotation.gatewayPorts].flatMap((key) => (had[key] === undefined ? [] : [[key, had[key]]])));
  const annotations = { ...sent, ...kept };
  const saved = savedAfterTakeover({ metadata: { ...now.metadata, annotations }, spec: now.spec ?? {} }, takenOverFor(before) ?? '');
  if (saved !== undefined) annotations[annotation.selector] = printSavedSelector(saved);
  const hadAnnotations = Object.keys(sent).length > 0;
  const selector = now.spec?.selector;
  const mutation = {
    before: { metadata: hadAnnotations ? { annotations: sent } : {}, spec: selector === undefined ? {} : { selector } },
    after: { metadata: { annotations }, spec: {} },
  };
  const warnings = [
    ...(selector === undefined
      ? []
      : ['the Service stays pointed at the gateways; its selector is kept in rouse.dev/selector and comes back when its workload is off-boarded']),
    ...(Object.entries(kept).every(([key, value]) => sent[key] === value)
      ? []
      : ['rouse.dev/selector and rouse.dev/gateway-ports are written by Rouse alone and stay as they are']),
  ];
  return { kind: 'allow', warnings, mutation };
};

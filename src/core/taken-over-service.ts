import { annotation, fieldManager } from './annotations.ts';
import { failed, ok, type Result } from './result.ts';
import { mergeOwners, parseOwners, restoreOwners, selectorOwners, settleOwners, type ManagedFields, type SelectorOwner } from './selector-owners.ts';

/**
 * What a taken-over Service looks like, as pure functions over the object: it has no `spec.selector` (so that no Kubernetes controller makes endpoints for it)
 * and carries what was taken from it in `rouse.dev/selector`. Used by the controller, by the webhook that keeps a taken-over Service taken over,
 * and by `rouse restore`, which has nothing but the annotations.
 */
export type Labels = Readonly<Record<string, string>>;

/** The value of `rouse.dev/selector`. */
export interface SavedSelector {
  readonly v: 1;
  /** Key of the workload for which the Service was taken over. */
  readonly workload: string;
  readonly selector: Labels;
  readonly owners: readonly SelectorOwner[];
}

/** A Service as on the wire, as far as a takeover goes. */
export interface ServiceObject {
  readonly metadata?: {
    readonly resourceVersion?: string;
    readonly annotations?: Labels;
    readonly managedFields?: readonly ManagedFields[];
  };
  readonly spec?: { readonly selector?: Labels };
}

/** A merge patch (RFC 7396) that applies only to the very version it was made for. */
export interface ServicePatch {
  readonly metadata: {
    readonly resourceVersion?: string;
    readonly annotations?: Readonly<Record<string, string | null>>;
    readonly managedFields?: readonly ManagedFields[];
  };
  readonly spec?: { readonly selector: Readonly<Record<string, string | null>> | null };
}

const lastApplied = 'kubectl.kubernetes.io/last-applied-configuration';

export const printSavedSelector = (saved: SavedSelector): string => JSON.stringify(saved);

const isLabels = (value: unknown): value is Labels =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && Object.values(value).every((label) => typeof label === 'string');

/** Reads `rouse.dev/selector`; the problem is a sentence. Owners that cannot be read are given up: the selector matters more. */
export const parseSavedSelector = (text: string): Result<SavedSelector, string> => {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return failed('rouse.dev/selector is not JSON');
  }
  if (typeof value !== 'object' || value === null || !('v' in value) || value.v !== 1) return failed('rouse.dev/selector has no known version (want "v":1)');
  if (!('selector' in value) || !isLabels(value.selector)) return failed('rouse.dev/selector has no map of labels "selector"');
  const workload = 'workload' in value && typeof value.workload === 'string' ? value.workload : '';
  return ok({ v: 1, workload, selector: value.selector, owners: ('owners' in value ? parseOwners(value.owners) : undefined) ?? [] });
};

const annotationsOf = (service: ServiceObject): Labels => service.metadata?.annotations ?? {};
const liveSelector = (service: ServiceObject): Labels | undefined => {
  const selector = service.spec?.selector;
  return selector !== undefined && Object.keys(selector).length > 0 ? selector : undefined;
};
const savedOn = (service: ServiceObject): SavedSelector | undefined => {
  const text = annotationsOf(service)[annotation.selector];
  const parsed = text === undefined ? undefined : parseSavedSelector(text);
  return parsed?.ok === true ? parsed.value : undefined;
};

const sameLabels = (a: Labels, b: Labels): boolean => {
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => Object.hasOwn(b, key) && a[key] === b[key]);
};

const lastAppliedSelector = (service: ServiceObject): Labels | undefined => {
  const text = annotationsOf(service)[lastApplied];
  if (text === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    const spec: unknown = typeof value === 'object' && value !== null && 'spec' in value ? value.spec : undefined;
    return typeof spec === 'object' && spec !== null && 'selector' in spec && isLabels(spec.selector) ? spec.selector : undefined;
  } catch {
    return undefined;
  }
};

/** True if the selector that is back on the Service came with a whole manifest: a server-side apply owns it as such, a client-side one left its copy. */
const cameByApply = (service: ServiceObject, live: Labels): boolean => {
  const applied = lastAppliedSelector(service);
  if (applied !== undefined && sameLabels(applied, live)) return true;
  return selectorOwners(service.metadata?.managedFields).some((owner) => owner.operation === 'Apply');
};

/**
 * What is to be saved when a write has brought a selector back onto a taken-over Service: a whole manifest that was applied *replaces* what is saved;
 * any other writer saw no selector and sent what it wanted to change, so that is *merged* into it.
 */
export const adoptAppliedSelector = (saved: SavedSelector, service: ServiceObject): SavedSelector => {
  const live = liveSelector(service);
  if (live === undefined) return saved;
  const others = selectorOwners(service.metadata?.managedFields).filter((owner) => owner.manager !== fieldManager);
  const owners = settleOwners(saved.owners, others);
  const selector = cameByApply(service, live) ? live : { ...saved.selector, ...live };
  return { ...saved, selector, owners: sameLabels(selector, saved.selector) || !cameByApply(service, live) ? mergeOwners(saved.owners, owners) : owners };
};

/** The selector that a Service has, or would have if it were handed back now; undefined if it has none either way. */
export const selectorOf = (service: ServiceObject): Labels | undefined => {
  const saved = savedOn(service);
  return saved === undefined ? liveSelector(service) : adoptAppliedSelector(saved, service).selector;
};

/** The workload named in `rouse.dev/selector`. */
export const takenOverFor = (service: ServiceObject): string | undefined => savedOn(service)?.workload;

/** True if the selector is in the annotation and not in the spec. */
export const isTakenOver = (service: ServiceObject): boolean => annotation.selector in annotationsOf(service) && liveSelector(service) === undefined;

const versioned = (service: ServiceObject): { readonly resourceVersion?: string } =>
  service.metadata?.resourceVersion === undefined ? {} : { resourceVersion: service.metadata.resourceVersion };

/** What `rouse.dev/selector` has to say once `service` is taken over for `workload`; undefined if it has no selector at all. */
export const savedAfterTakeover = (service: ServiceObject, workload: string): SavedSelector | undefined => {
  const saved = savedOn(service);
  if (saved !== undefined) return { ...adoptAppliedSelector(saved, service), workload };
  const selector = liveSelector(service);
  if (selector === undefined) return undefined;
  return { v: 1, workload, selector, owners: selectorOwners(service.metadata?.managedFields).filter((owner) => owner.manager !== fieldManager) };
};

/** Moves the selector into the annotation. Undefined: it is there already, or there is none to move. */
export const takeOver = (service: ServiceObject, workload: string): ServicePatch | undefined => {
  const saved = savedAfterTakeover(service, workload);
  if (saved === undefined) return undefined;
  const text = printSavedSelector(saved);
  if (liveSelector(service) === undefined && annotationsOf(service)[annotation.selector] === text) return undefined;
  return { metadata: { ...versioned(service), annotations: { [annotation.selector]: text } }, spec: { selector: null } };
};

/**
 * First step of handing back: the selector is in the spec again; the annotation stays until `release`, so that a crash between the two is seen.
 * Undefined: it is there already, or nothing says what it was. `fallback` is used where the annotation cannot be read.
 */
export const handBack = (service: ServiceObject, fallback?: Labels): ServicePatch | undefined => {
  if (!(annotation.selector in annotationsOf(service))) return undefined;
  const live = liveSelector(service);
  const wanted = selectorOf(service) ?? fallback;
  if (wanted === undefined || (live !== undefined && sameLabels(live, wanted))) return undefined;
  const surplus = Object.keys(live ?? {}).filter((key) => !Object.hasOwn(wanted, key));
  return { metadata: versioned(service), spec: { selector: { ...Object.fromEntries(surplus.map((key) => [key, null])), ...wanted } } };
};

/** Last step of handing back: our annotations go and the selector belongs to its former owners again. Undefined: nothing of ours is left, or the selector is not back yet. */
export const release = (service: ServiceObject): ServicePatch | undefined => {
  const ours = [annotation.selector, annotation.gatewayPorts].filter((key) => key in annotationsOf(service));
  if (ours.length === 0 || isTakenOver(service)) return undefined;
  const saved = savedOn(service);
  const managedFields = service.metadata?.managedFields;
  const annotations = Object.fromEntries(ours.map((key) => [key, null]));
  if (saved === undefined || managedFields === undefined) return { metadata: { ...versioned(service), annotations } };
  return { metadata: { ...versioned(service), annotations, managedFields: restoreOwners(managedFields, saved.owners, fieldManager) } };
};

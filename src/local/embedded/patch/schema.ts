/**
 * What the API says about the lists and maps of the kinds we serve: one table for strategic merge patch and for server-side apply.
 * Everything that is not in it is ordinary: an object is granular, a list is atomic. From the Go types of k8s.io/api 1.36 (`listType`,
 * `listMapKey`, `mapType`, `structType`, `patchStrategy`, `patchMergeKey`).
 */
export interface Shape {
  readonly fields: Readonly<Record<string, FieldShape>>;
}

export type FieldShape = ObjectShape | AtomicShape | ListShape;

export interface ObjectShape extends Shape {
  readonly kind: 'object';
  /** `$retainKeys` of a strategic merge patch applies (a union: one member replaces the others). */
  readonly retainKeys?: true;
}

/** One leaf for server-side apply. */
export interface AtomicShape {
  readonly kind: 'atomic';
  /** Replaced whole by a strategic merge patch too. */
  readonly replace?: true;
}

export interface ListShape {
  readonly kind: 'list';
  /** How server-side apply tells items apart: fields of the item, its value (`set`), or not at all. */
  readonly apply: 'atomic' | 'set' | { readonly keys: readonly string[] };
  /** How a strategic merge patch tells items apart. */
  readonly merge: 'replace' | 'value' | { readonly key: string; readonly retainKeys?: true };
  readonly item: FieldShape;
}

const object = (fields: Shape['fields'] = {}): ObjectShape => ({ kind: 'object', fields });
const atomic: AtomicShape = { kind: 'atomic' };
const byKey = (key: string, item: FieldShape): ListShape => ({ kind: 'list', apply: { keys: [key] }, merge: { key }, item });
const byKeys = (keys: readonly string[], item: FieldShape): ListShape => ({ kind: 'list', apply: { keys }, merge: { key: keys[0] ?? '' }, item });
const union = (list: ListShape, key: string): ListShape => ({ ...list, merge: { key, retainKeys: true } });
const primitives: ListShape = { kind: 'list', apply: 'set', merge: 'value', item: atomic };

/** An object about which nothing special is known. */
export const ordinary: ObjectShape = object();

/** Keys that are part of an item's identity and have a value even where the item does not say so. */
export const keyDefaults: Readonly<Record<string, string>> = { protocol: 'TCP' };

const metadata = object({ finalizers: primitives, ownerReferences: byKey('uid', atomic) });
const conditions = byKey('type', ordinary);

const envVar = object({
  valueFrom: object({ configMapKeyRef: atomic, fieldRef: atomic, fileKeyRef: atomic, resourceFieldRef: atomic, secretKeyRef: atomic }),
});

const resources = object({ claims: { kind: 'list', apply: { keys: ['name'] }, merge: 'replace', item: ordinary } });

const container = object({
  env: byKey('name', envVar),
  ports: byKeys(['containerPort', 'protocol'], ordinary),
  resources,
  volumeDevices: byKey('devicePath', ordinary),
  volumeMounts: byKey('mountPath', ordinary),
});

const volume = object({
  cephfs: object({ secretRef: atomic }),
  cinder: object({ secretRef: atomic }),
  csi: object({ nodePublishSecretRef: atomic }),
  ephemeral: object({ volumeClaimTemplate: object({ metadata, spec: object({ dataSource: atomic, selector: atomic }) }) }),
  flexVolume: object({ secretRef: atomic }),
  iscsi: object({ secretRef: atomic }),
  rbd: object({ secretRef: atomic }),
  scaleIO: object({ secretRef: atomic }),
  storageos: object({ secretRef: atomic }),
});

const podSpec = object({
  affinity: object({ nodeAffinity: object({ requiredDuringSchedulingIgnoredDuringExecution: atomic }) }),
  containers: byKey('name', container),
  ephemeralContainers: byKey('name', container),
  hostAliases: byKey('ip', ordinary),
  imagePullSecrets: byKey('name', atomic),
  initContainers: byKey('name', container),
  nodeSelector: atomic,
  resourceClaims: union(byKey('name', ordinary), 'name'),
  resources,
  schedulingGates: byKey('name', ordinary),
  topologySpreadConstraints: byKeys(['topologyKey', 'whenUnsatisfiable'], object({ labelSelector: atomic })),
  volumes: union(byKey('name', volume), 'name'),
});

const podTemplate = object({ metadata, spec: podSpec });

const webhook = object({ matchConditions: byKey('name', ordinary), namespaceSelector: atomic, objectSelector: atomic });

const podStatus = object({
  conditions,
  hostIPs: { kind: 'list', apply: 'atomic', merge: { key: 'ip' }, item: ordinary },
  podIPs: byKey('ip', ordinary),
  resourceClaimStatuses: union(byKey('name', ordinary), 'name'),
  resources,
});

const replicated = object({ metadata, spec: object({ selector: atomic, template: podTemplate }), status: object({ conditions }) });
const webhooks = object({ metadata, webhooks: byKey('name', webhook) });
const binding = object({ metadata, roleRef: atomic });

const kinds: Readonly<Record<string, Shape>> = {
  '/Endpoints': object({ metadata }),
  '/Event': object({ metadata, involvedObject: atomic, related: atomic }),
  '/Namespace': object({ metadata, status: object({ conditions }) }),
  '/Node': object({ metadata, spec: object({ podCIDRs: primitives }), status: object({ addresses: byKey('type', ordinary), conditions }) }),
  '/Pod': object({ metadata, spec: podSpec, status: podStatus }),
  '/Service': object({
    metadata,
    spec: object({ ports: byKeys(['port', 'protocol'], ordinary), selector: atomic }),
    status: object({ conditions }),
  }),
  '/ServiceAccount': object({ metadata, secrets: byKey('name', atomic) }),
  'admissionregistration.k8s.io/MutatingWebhookConfiguration': webhooks,
  'admissionregistration.k8s.io/ValidatingWebhookConfiguration': webhooks,
  'apps/ControllerRevision': object({ metadata, data: { ...atomic, replace: true } }),
  'apps/Deployment': object({
    metadata,
    spec: object({ selector: atomic, strategy: { ...ordinary, retainKeys: true }, template: podTemplate }),
    status: object({ conditions }),
  }),
  'apps/ReplicaSet': replicated,
  'apps/StatefulSet': replicated,
  'autoscaling/HorizontalPodAutoscaler': object({ metadata, status: object({ conditions }) }),
  'events.k8s.io/Event': object({ metadata, regarding: atomic, related: atomic }),
  'policy/PodDisruptionBudget': object({ metadata, spec: object({ selector: { ...atomic, replace: true } }), status: object({ conditions }) }),
  'rbac.authorization.k8s.io/ClusterRoleBinding': binding,
  'rbac.authorization.k8s.io/RoleBinding': binding,
};

const other: Shape = object({ metadata });

/** The shape of a kind's objects. */
export const shapeOf = (resource: { readonly group: string; readonly kind: string }): Shape => kinds[`${resource.group}/${resource.kind}`] ?? other;

/** The shape of a field of an object: ordinary where the table says nothing. */
export const fieldShape = (shape: Shape, field: string): FieldShape | undefined => (Object.hasOwn(shape.fields, field) ? shape.fields[field] : undefined);

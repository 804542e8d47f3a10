import { auditEvents } from './audit.ts';

const controller = 'system:serviceaccount:rouse-system:rouse-controller';
const system = 'rouse-system';

/** One right, as a rule of a role grants it. */
export interface GrantedRight {
  readonly verb: string;
  readonly group: string;
  readonly resource: string;
  readonly name: string | undefined;
}

/** What the API server's audit log says of the controllers, by where the right has to be held. */
export interface AuditedRights {
  /** `VERB RESOURCE.GROUP`, each with the names that it was used for; '' where the request has none. */
  readonly used: { readonly cluster: Uses; readonly system: Uses; readonly workloads: Uses };
  /** What was not allowed while the roles were there, each once. */
  readonly denied: readonly string[];
}
type Uses = ReadonlyMap<string, ReadonlySet<string>>;

interface AuditEvent {
  readonly verb: string;
  readonly requestReceivedTimestamp: string;
  readonly stageTimestamp: string;
  readonly user: { readonly username: string };
  readonly objectRef?: {
    readonly resource?: string;
    readonly subresource?: string;
    readonly apiGroup?: string;
    readonly namespace?: string;
    readonly name?: string;
  };
  readonly annotations?: Readonly<Record<string, string>>;
}

/** Everybody may ask who they are and what they may. */
const forEverybody = new Set(['selfsubjectaccessreviews', 'selfsubjectreviews']);

/** Reads the audit log of the cluster in `directory`. */
export const auditedRights = async (directory: string): Promise<AuditedRights> => {
  const used = { cluster: new Map<string, Set<string>>(), system: new Map<string, Set<string>>(), workloads: new Map<string, Set<string>>() };
  let denied: { readonly right: string; readonly at: number }[] = [];
  // Controllers that still run while an installation is taken away are refused, as they should be.
  let rightsSince = Infinity;
  for await (const event of auditEvents<AuditEvent>(directory, 'rouse-')) {
    const { resource, subresource, apiGroup = '', namespace = '', name = '' } = event.objectRef ?? {};
    const changed = changeOfRights(event);
    if (changed !== undefined) rightsSince = changed === 'taken' ? Infinity : Date.parse(event.stageTimestamp);
    // A request has its line when it is answered: who was refused because of it may have had theirs before.
    if (changed === 'taken') denied = denied.filter(({ at }) => at < Date.parse(event.requestReceivedTimestamp));
    if (event.user.username !== controller || resource === undefined || forEverybody.has(resource)) continue;
    const kind = keyOf({ verb: event.verb, group: apiGroup, resource: subresource === undefined ? resource : `${resource}/${subresource}` });
    const isDenied = event.annotations?.['authorization.k8s.io/decision'] === 'forbid';
    const at = Date.parse(event.stageTimestamp);
    if (isDenied && at - rightsSince > inForceWithinMs) denied.push({ right: `${kind} ${namespace}/${name}`, at });
    if (isDenied) continue;
    const place = namespace === system ? used.system : namespace === '' && clusterWide.has(resource) ? used.cluster : used.workloads;
    place.set(kind, (place.get(kind) ?? new Set()).add(name));
  }
  return { used, denied: [...new Set(denied.map(({ right }) => right))].sort() };
};

/** A role that was written is in force once the API server's own watch has told it. */
const inForceWithinMs = 2000;

/** Whether the request gave the controllers their rights, or began to take them away. */
const changeOfRights = ({ verb, objectRef }: AuditEvent): 'given' | 'taken' | undefined => {
  const { resource = '', name = '' } = objectRef ?? {};
  const isOurs = /^(cluster)?role(binding)?s$/.test(resource) || (resource === 'namespaces' && name === system);
  if (!isOurs) return undefined;
  if (verb.startsWith('delete')) return 'taken';
  // The last that `kubectl apply` writes of the roles.
  return verb !== 'get' && /binding/.test(resource) ? 'given' : undefined;
};

const clusterWide = new Set(['namespaces', 'tokenreviews', 'subjectaccessreviews', 'mutatingwebhookconfigurations', 'validatingwebhookconfigurations']);

const keyOf = ({ verb, group, resource }: Pick<GrantedRight, 'verb' | 'group' | 'resource'>): string => `${verb} ${resource}${group === '' ? '' : `.${group}`}`;

/** Of what is granted, that which was never used. */
export const neverUsed = (granted: readonly GrantedRight[], used: Uses): readonly string[] =>
  granted
    .filter((right) => {
      const names = used.get(keyOf(right));
      return names === undefined || !(right.name === undefined || names.has('') || names.has(right.name));
    })
    .map((right) => `${keyOf(right)}${right.name === undefined ? '' : ` "${right.name}"`}`);

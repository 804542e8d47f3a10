import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

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
  /** What was not allowed, each once. */
  readonly denied: readonly string[];
}
type Uses = ReadonlyMap<string, ReadonlySet<string>>;

interface AuditEvent {
  readonly verb: string;
  readonly stage: string;
  readonly requestURI: string;
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
  const denied = new Set<string>();
  for await (const line of createInterface({ input: createReadStream(join(directory, 'audit.log')) })) {
    if (!line.includes(controller)) continue;
    const event = JSON.parse(line) as AuditEvent;
    const { resource, subresource, apiGroup = '', namespace = '', name = '' } = event.objectRef ?? {};
    if (event.user.username !== controller || resource === undefined || forEverybody.has(resource)) continue;
    const kind = keyOf({ verb: event.verb, group: apiGroup, resource: subresource === undefined ? resource : `${resource}/${subresource}` });
    if (event.annotations?.['authorization.k8s.io/decision'] === 'forbid') denied.add(`${kind} ${namespace}/${name}`);
    const place = namespace === system ? used.system : namespace === '' && clusterWide.has(resource) ? used.cluster : used.workloads;
    place.set(kind, (place.get(kind) ?? new Set()).add(name));
  }
  return { used, denied: [...denied].sort() };
};

const clusterWide = new Set(['namespaces', 'tokenreviews', 'mutatingwebhookconfigurations', 'validatingwebhookconfigurations']);

const keyOf = ({ verb, group, resource }: Pick<GrantedRight, 'verb' | 'group' | 'resource'>): string => `${verb} ${resource}${group === '' ? '' : `.${group}`}`;

/** Of what is granted, that which was never used. */
export const neverUsed = (granted: readonly GrantedRight[], used: Uses): readonly string[] =>
  granted
    .filter((right) => {
      const names = used.get(keyOf(right));
      return names === undefined || !(right.name === undefined || names.has('') || names.has(right.name));
    })
    .map((right) => `${keyOf(right)}${right.name === undefined ? '' : ` "${right.name}"`}`);

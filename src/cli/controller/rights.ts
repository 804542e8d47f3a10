/** One call that the controller makes of the API server, as RBAC sees it. */
export interface Right {
  readonly verb: string;
  /** API group; empty: core. */
  readonly group: string;
  /** With subresource: `deployments/scale`. */
  readonly resource: string;
  /** The only object that it is about; undefined: any. */
  readonly name: string | undefined;
}

const of = (group: string, resources: readonly string[], verbs: readonly string[], name?: string): readonly Right[] =>
  resources.flatMap((resource) => verbs.map((verb) => ({ verb, group, resource, name })));

const webhooks = ['mutatingwebhookconfigurations', 'validatingwebhookconfigurations'];

/**
 * Everything that the controller may have to do, by where it has to be allowed: of the whole cluster, in each namespace of workloads, in our own. The roles
 * of `deploy/` grant exactly this (a test compares), and a controller that lacks some of it says so at its start.
 */
export const rights: { readonly cluster: readonly Right[]; readonly workloads: readonly Right[]; readonly system: readonly Right[] } = {
  cluster: [
    ...of('', ['namespaces'], ['list', 'watch']),
    ...of('authentication.k8s.io', ['tokenreviews'], ['create']),
    ...of('authorization.k8s.io', ['subjectaccessreviews'], ['create']),
    ...of('admissionregistration.k8s.io', webhooks, ['create']),
    ...of('admissionregistration.k8s.io', webhooks, ['get', 'patch'], 'rouse'),
  ],
  workloads: [
    ...of('apps', ['deployments', 'statefulsets'], ['get', 'list', 'watch', 'patch']),
    ...of('apps', ['deployments/scale', 'statefulsets/scale'], ['patch']),
    ...of('', ['services'], ['get', 'list', 'watch', 'patch']),
    ...of('', ['endpoints'], ['delete']),
    ...of('discovery.k8s.io', ['endpointslices'], ['get', 'list', 'watch', 'create', 'patch', 'delete']),
    ...of('', ['pods'], ['list', 'watch', 'patch']),
    ...of('metrics.k8s.io', ['pods'], ['list']),
    ...of('autoscaling', ['horizontalpodautoscalers'], ['list', 'create', 'patch', 'delete']),
    ...of('', ['events'], ['list', 'create', 'patch']),
  ],
  system: [
    ...of('coordination.k8s.io', ['leases'], ['create']),
    ...of('coordination.k8s.io', ['leases'], ['get', 'update'], 'rouse-controller'),
    ...of('', ['secrets'], ['create']),
    ...of('', ['secrets'], ['get', 'patch'], 'rouse-ca'),
    ...of('', ['configmaps'], ['create']),
    ...of('', ['configmaps'], ['get', 'patch'], 'rouse-ca'),
    ...of('', ['configmaps'], ['list', 'watch'], 'rouse-config'),
    ...of('', ['pods'], ['get', 'list', 'watch']),
    // About ourselves: a rouse-config that cannot be read.
    ...of('', ['events'], ['create', 'patch']),
  ],
};

/** Besides those, what a controller that places pods (`--placement`) has to do: the roles of deploy/components/placement. */
export const placementRights: { readonly cluster: readonly Right[]; readonly system: readonly Right[] } = {
  cluster: of('', ['nodes', 'pods'], ['list', 'watch']),
  system: [
    ...of('coordination.k8s.io', ['leases'], ['list', 'watch'], 'rouse-scheduler'),
    ...of('', ['configmaps'], ['get', 'patch'], 'rouse-placement-history'),
  ],
};

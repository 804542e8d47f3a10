import type { ControllerSummary, WorkloadSummary } from '../../api/index.ts';
import { systemNamespace, type Clock, type Instant, type Millis, type Result } from '../../core/index.ts';
import type { KubeClient, KubeConnection, KubeObject, ObjectName, Refusal, Resource, Selection } from '../../kube/index.ts';

/** What one check came to. `skipped`: it does not apply here, or may not be looked at. */
export type Finding =
  | { readonly status: 'ok' | 'skipped'; readonly says: string }
  /** `says` names the cause, `mend` the command that takes it away (or, where none does, what to do). */
  | { readonly status: 'problem' | 'warning'; readonly says: string; readonly mend: string };

export interface Check {
  /** Stable, for scripts and for the documentation. */
  readonly id: string;
  /** What is looked at, for the list of checks. */
  readonly about: string;
  run(patient: Patient): Promise<Finding>;
}

/** What a controller says of itself and of its workloads. */
export interface ControllerView {
  readonly about: ControllerSummary;
  readonly workloads: readonly WorkloadSummary[];
  /** By our own clock. */
  readonly readAt: Instant;
}

/** The cluster that is looked at, with the rights of whoever looks. Everything that several checks read is read once. */
export interface Patient {
  readonly client: KubeClient;
  readonly connection: KubeConnection;
  readonly clock: Clock;
  /** Aborts when whoever looks has had enough. */
  readonly signal: AbortSignal;
  /** The problem is a sentence. */
  controller(): Promise<Result<ControllerView, string>>;
  /** How far our own clock is ahead of the API server's. */
  clockOffset(): Promise<Result<Millis, Refusal>>;
  /** Where the controller runs: as the Deployment of deploy/, within `rouse local`, or somewhere else outside the cluster. */
  place(): Promise<'cluster' | 'local' | 'outside' | 'nowhere'>;
  /** All objects of a kind, once. Throws `NotReadable`. */
  all<T extends KubeObject>(resource: Resource<T>): Promise<readonly T[]>;
}

/** Ends a check: what it looks at cannot be read. */
export class NotReadable extends Error {
  readonly refusal: Refusal;

  constructor(what: string, refusal: Refusal) {
    super(`${refusal.kind === 'forbidden' ? 'you may not read' : 'cannot read'} ${what}: ${refusal.message}`);
    this.refusal = refusal;
  }
}

export const good = (says: string): Finding => ({ status: 'ok', says });
export const skipped = (says: string): Finding => ({ status: 'skipped', says });
export const problem = (says: string, mend: string): Finding => ({ status: 'problem', says, mend });
export const warning = (says: string, mend: string): Finding => ({ status: 'warning', says, mend });

/** The object; undefined where there is none. Throws `NotReadable`. */
export const read = async <T extends KubeObject>({ client }: Pick<Patient, 'client'>, resource: Resource<T>, name: ObjectName): Promise<T | undefined> => {
  const found = await client.get(resource, name);
  if (found.ok) return found.value;
  if (found.problem.kind === 'not-found') return undefined;
  throw new NotReadable(`the ${resource.kind} ${name.namespace === undefined ? '' : `${name.namespace}/`}${name.name}`, found.problem);
};

/** Throws `NotReadable`. */
export const readAll = async <T extends KubeObject>(
  { client }: Pick<Patient, 'client'>,
  resource: Resource<T>,
  selection: Selection = {},
): Promise<readonly T[]> => {
  const listed = await client.list(resource, selection);
  if (listed.ok) return listed.value.items;
  throw new NotReadable(`${resource.plural}${selection.namespace === undefined ? ' of all namespaces' : ` in ${selection.namespace}`}`, listed.problem);
};

/** Begins every command that mends something of ours. */
export const kubectlHere = `kubectl -n ${systemNamespace}`;
/** What brings everything back that an installation consists of, and breaks nothing that is well. */
export const reinstall = 'kubectl apply -f deploy/install.yaml';

export const named = ({ metadata }: KubeObject): string => `${metadata?.namespace ?? ''}/${metadata?.name ?? ''}`;

/** `a, b and 3 more`. */
export const some = (names: readonly string[], most = 3): string =>
  names.length <= most ? names.join(', ') : `${names.slice(0, most).join(', ')} and ${String(names.length - most)} more`;

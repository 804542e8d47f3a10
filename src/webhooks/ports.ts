import type { Clock, Logger, WorkloadRef } from '../core/index.ts';
import type { SpecOptions, Texts } from '../core/spec/index.ts';
import type { ServiceView } from '../kube/index.ts';
import type { Placer } from './extender/ports.ts';

/** What stands behind a workload's own annotations (`parseSpec` has the precedence). */
export interface InheritedSettings extends SpecOptions {
  readonly cluster: Texts;
  readonly namespace: Texts;
}

/** The HorizontalPodAutoscaler that has a workload as its target. */
export interface Autoscaler {
  readonly name: string;
}

/** A kind that may be a workload, as requests and rules name it. */
export interface AdmittedKind {
  readonly group: string;
  readonly plural: string;
  readonly kind: string;
}

/** The kinds that may be workloads unless the operator says otherwise. */
export const builtInKinds: readonly AdmittedKind[] = [
  { group: 'apps', plural: 'deployments', kind: 'Deployment' },
  { group: 'apps', plural: 'statefulsets', kind: 'StatefulSet' },
];

/** `deployments.apps`. */
export const nameOfKind = ({ group, plural }: Pick<AdmittedKind, 'group' | 'plural'>): string => (group === '' ? plural : `${plural}.${group}`);

/** An onboarded workload, as far as an autoscaler that wants it is concerned. */
export interface OnboardedWorkload {
  readonly mode: 'enforce' | 'observe';
  readonly adoptHpa: boolean;
}

/** Where new pods go, for the webhook of Pods. */
export interface PodPlacement {
  /** What the label `rouse.dev/placement` of the namespace says: another scheduler, or a preference in the pod; undefined: neither. */
  readonly modeIn: (namespace: string) => 'scheduler' | 'affinity' | undefined;
  /** The second scheduler has renewed its Lease lately. A pod that it is given while it is away would wait for it. */
  readonly schedulerIsAlive: () => boolean;
  readonly nodeNames: () => readonly string[];
  readonly placer: Placer;
}

/** What came of a review: `changed` is allowed with a patch; `invalid` was no review, `busy` came while there were too many, and nobody waited for what is `gone`. */
export type ReviewOutcome = 'allowed' | 'changed' | 'denied' | 'invalid' | 'busy' | 'failed' | 'gone';

/** What the webhooks need to know of the cluster, and of us. Nothing here writes: a dry run is answered as any other request. */
export interface AdmissionPorts {
  /** True for what a controller writes: it passes as it is. */
  readonly isSelf: (writer: { readonly user: string; readonly fieldManager: string | undefined }) => boolean;
  readonly inherited: (namespace: string) => InheritedSettings;
  /** Kinds that may be workloads; left out: Deployments and StatefulSets. */
  readonly kinds?: () => readonly AdmittedKind[];
  readonly servicesIn: (namespace: string) => Iterable<ServiceView>;
  /** Asks the API server. Rejects where that fails: then the workload is let in with a warning. */
  readonly autoscalerOf: (workload: WorkloadRef, signal: AbortSignal) => Promise<Autoscaler | undefined>;
  readonly onboarded: (workload: WorkloadRef) => OnboardedWorkload | undefined;
  /** True while everything is being handed back (`rouse uninstall`): then nothing is onboarded any more. Left out: never. */
  readonly handsBackAll?: () => boolean;
  /** Resolves when `checkFormula` knows formulas: awaited before anything that has one is judged. */
  readonly loadFormulas?: () => Promise<void>;
  /** Left out: no pod is placed. */
  readonly placement?: PodPlacement;
  /** Told after each review how long it took from the head of the request. Must not throw. */
  readonly answered?: (webhook: 'mutate' | 'validate', outcome: ReviewOutcome, tookMs: number) => void;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Namespaces whose objects are never touched; left out: kube-system and our own. */
  readonly exempt?: ReadonlySet<string>;
}

import type { Clock, Logger, WorkloadRef } from '../core/index.ts';
import type { SpecOptions, Texts } from '../core/spec/index.ts';
import type { ServiceView } from '../kube/index.ts';

/** What stands behind a workload's own annotations (`parseSpec` has the precedence). */
export interface InheritedSettings extends SpecOptions {
  readonly cluster: Texts;
  readonly namespace: Texts;
}

/** The HorizontalPodAutoscaler that has a workload as its target. */
export interface Autoscaler {
  readonly name: string;
}

/** An onboarded workload, as far as an autoscaler that wants it is concerned. */
export interface OnboardedWorkload {
  readonly mode: 'enforce' | 'observe';
  readonly adoptHpa: boolean;
}

/** What the webhooks need to know of the cluster, and of us. Nothing here writes: a dry run is answered as any other request. */
export interface AdmissionPorts {
  /** True for the controller's own user: what it writes passes as it is. */
  readonly isSelf: (user: string) => boolean;
  readonly inherited: (namespace: string) => InheritedSettings;
  readonly servicesIn: (namespace: string) => Iterable<ServiceView>;
  /** Asks the API server. Rejects where that fails: then the workload is let in with a warning. */
  readonly autoscalerOf: (workload: WorkloadRef, signal: AbortSignal) => Promise<Autoscaler | undefined>;
  readonly onboarded: (workload: WorkloadRef) => OnboardedWorkload | undefined;
  /** True while everything is being handed back (`rouse uninstall`): then nothing is onboarded any more. Left out: never. */
  readonly handsBackAll?: () => boolean;
  /** Resolves when `checkFormula` knows formulas: awaited before anything that has one is judged. */
  readonly loadFormulas?: () => Promise<void>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Namespaces whose objects are never touched; left out: kube-system and our own. */
  readonly exempt?: ReadonlySet<string>;
}

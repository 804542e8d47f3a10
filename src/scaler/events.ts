import {
  decisionReasons,
  wakeFailures,
  type ColdStartPhase,
  type DecisionReason,
  type WakeFailureReason,
  type WorkloadKey,
  coldStartPhases,
  parseWorkloadKey,
} from '../core/index.ts';
import { behaviorLeftOutSentence } from './adopted-behavior.ts';
import { leftOutSentence } from './adopted-metrics.ts';

/** A cold start that has ended: from the first waiting request to its first byte, in ms. */
export interface ColdStart {
  readonly totalMs: number;
  readonly phases: Readonly<Record<ColdStartPhase, number>>;
  readonly podId: string;
}

interface About {
  readonly workload: WorkloadKey;
}

/** What happened to a workload, for people, Kubernetes Events and metrics. Transitions only. */
export type ScalerEvent =
  | (About & { readonly type: 'onboarded'; readonly replicas: number })
  | (About & { readonly type: 'scaled'; readonly from: number; readonly to: number; readonly reason: DecisionReason })
  | (About & { readonly type: 'would-scale'; readonly from: number; readonly to: number })
  | (About & { readonly type: 'first-byte'; readonly coldStart: ColdStart })
  | (About & { readonly type: 'wake-failed'; readonly reason: WakeFailureReason; readonly message: string })
  | (About & { readonly type: 'wake-recovered' })
  | (About & { readonly type: 'settings-refused'; readonly problems: readonly string[] })
  | (About & { readonly type: 'overridden'; readonly replicas: number; readonly manager: string })
  | (About & { readonly type: 'override-ended'; readonly replicas: number })
  | (About & { readonly type: 'replicas-restored'; readonly from: number; readonly to: number })
  | (About & { readonly type: 'write-refused'; readonly replicas: number; readonly message: string })
  | (About & { readonly type: 'hpa-adopted'; readonly name: string })
  | (About & { readonly type: 'hpa-metrics-left-out'; readonly metrics: readonly string[] })
  | (About & { readonly type: 'hpa-behavior-left-out'; readonly rules: readonly string[] })
  | (About & { readonly type: 'hpa-restored'; readonly name: string })
  | (About & { readonly type: 'hpa-refused'; readonly name: string; readonly message: string })
  | (About & { readonly type: 'off-boarding'; readonly replicas: number })
  | (About & { readonly type: 'off-boarded'; readonly replicas: number });

/** `hello` in the namespace default, else `namespace/name`. */
const nameOf = (key: WorkloadKey): string => {
  const ref = parseWorkloadKey(key);
  return ref?.namespace === 'default' ? ref.name : key;
};

const sentence = (event: ScalerEvent): string => {
  switch (event.type) {
    case 'onboarded':
      return `onboarded with ${podsIn(event.replicas)}`;
    case 'scaled':
      return `${String(event.from)} → ${String(event.to)}: ${decisionReasons[event.reason]}`;
    case 'would-scale':
      return `would go ${String(event.from)} → ${String(event.to)} (mode observe: not written)`;
    case 'first-byte':
      return `first byte after ${String(Math.round(event.coldStart.totalMs))} ms (${phasesIn(event.coldStart)})`;
    case 'wake-failed':
      return `cannot wake: ${wakeFailures[event.reason]} (${event.message})`;
    case 'wake-recovered':
      return 'can wake again';
    case 'settings-refused':
      return `settings not applied: ${event.problems.join(' ')}`;
    case 'overridden':
      return `${podsIn(event.replicas)} set by hand (${event.manager}), honoured for rouse.dev/manual-override`;
    case 'override-ended':
      return `the count set by hand (${String(event.replicas)}) is no longer honoured`;
    case 'replicas-restored':
      return `${String(event.from)} → ${String(event.to)}: the count was changed outside /scale and is put back`;
    case 'write-refused':
      return `cannot be set to ${podsIn(event.replicas)}: ${event.message}`;
    case 'hpa-adopted':
      return `HorizontalPodAutoscaler ${event.name} adopted; it comes back on off-boarding`;
    case 'hpa-metrics-left-out':
      return leftOutSentence(event.metrics);
    case 'hpa-behavior-left-out':
      return behaviorLeftOutSentence(event.rules);
    case 'hpa-restored':
      return `HorizontalPodAutoscaler ${event.name} given back`;
    case 'hpa-refused':
      return `HorizontalPodAutoscaler ${event.name} cannot be given back: ${event.message}`;
    case 'off-boarding':
      return `being handed back with ${podsIn(event.replicas)}`;
    case 'off-boarded':
      return `handed back with ${podsIn(event.replicas)}`;
  }
};

const podsIn = (count: number): string => (count === 1 ? '1 pod' : `${String(count)} pods`);
const phasesIn = ({ phases }: ColdStart): string => coldStartPhases.map((phase) => `${phase} ${String(Math.round(phases[phase]))}`).join(', ');

/** The event in plain words, one line: `hello 0 → 1: a request is waiting`. */
export const sayEvent = (event: ScalerEvent): string => `${nameOf(event.workload)}${event.type === 'first-byte' ? ':' : ''} ${sentence(event)}`;

/** The same without the workload's name, where that is known already (Kubernetes Events). */
export const messageOfEvent = (event: ScalerEvent): string => sentence(event);

import type { LiveEvent, LiveReader, LiveTick, LiveWorkload } from '../../api/index.ts';
import { parseWorkloadKey, type Clock, type Decision } from '../../core/index.ts';
import {
  messageOfEvent,
  wantedCount,
  type ScaledWorkload,
  type Scaler,
  type TickRecord,
  type WakeFailures,
  type WorkloadRegistry,
} from '../../scaler/index.ts';
import { phaseOf } from './workload-summary.ts';

interface Parts {
  readonly scaler: Scaler;
  readonly registry: Pick<WorkloadRegistry, 'get'>;
  readonly failures: Pick<WakeFailures, 'get'>;
  readonly clock: Pick<Clock, 'now'>;
}

const tick = ({ decision, observation }: TickRecord): LiveTick => ({
  at: decision.at,
  desired: wantedCount(decision),
  ready: observation.ready,
  held: observation.held,
  loads: decision.evidence.demands.map(({ reading, target, stablePods, panicPods }) => {
    // Of latency there is no total over the pods: each of them is to keep below the target.
    const capacity = reading.metric === 'latency' ? target : target * observation.ready;
    const isKnown = reading.kind === 'value';
    return { metric: reading.metric, capacity, value: isKnown ? reading.panic : undefined, pods: isKnown ? Math.max(stablePods, panicPods) : undefined };
  }),
});

const from = (decision: Decision): { readonly from?: number } => (decision.kind === 'hold' ? {} : { from: decision.from });

/** What the live page reads of the scaler: the journal that is there anyway, nothing that is kept for it. */
export const liveReader = ({ scaler, registry, failures, clock }: Parts): LiveReader => {
  const workload = (shown: ScaledWorkload): LiveWorkload => {
    const { key, namespace, name, resource, desired, ready, decision } = shown;
    return {
      key,
      namespace,
      name,
      resource,
      phase: phaseOf(shown),
      desired,
      ready,
      held: decision?.evidence.held ?? 0,
      reason: decision?.reason ?? 'warming-up',
      trouble: failures.get(key)?.message ?? registry.get(key)?.problems[0]?.message,
    };
  };
  return {
    workloads: () => scaler.decided.workloads().map(workload),
    ticks: (key) => scaler.decided.journalOf(key).ticks.map(tick),
    history: (key) =>
      scaler.decided.journalOf(key).lines.map(({ since, times, decision }) => ({ since, times, ...from(decision), to: decision.to, reason: decision.reason })),
    onEvent: (listener) => {
      scaler.onEvent((event) => {
        const { namespace = '', name = '' } = parseWorkloadKey(event.workload) ?? {};
        const at = clock.now();
        const told: LiveEvent = { at, namespace, name, kind: event.type, text: messageOfEvent(event) };
        const { coldStart } = event.type === 'first-byte' ? event : {};
        listener(coldStart === undefined ? told : { ...told, coldStart: { at, totalMs: coldStart.totalMs, phases: coldStart.phases } });
      });
    },
    leads: () => scaler.leads,
  };
};

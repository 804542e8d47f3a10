import type { WorkloadLoad, WorkloadPhase, WorkloadSummary } from '../../api/index.ts';
import type { Decision } from '../../core/index.ts';
import type { ScaledWorkload } from '../../scaler/index.ts';

/** The one word for what its pods do. */
export const phaseOf = ({ replicas, ready, starting, wakeFailure }: Pick<ScaledWorkload, 'replicas' | 'ready' | 'starting' | 'wakeFailure'>): WorkloadPhase => {
  if (replicas === 0) return ready + starting === 0 ? 'asleep' : 'falling-asleep';
  if (ready === 0) return wakeFailure === undefined ? 'waking' : 'failing';
  if (ready < replicas) return 'scaling-up';
  return ready > replicas ? 'scaling-down' : 'active';
};

/** Of the metrics that have a value, the one that asks for the most pods. */
const loadOf = (decision: Decision | undefined): WorkloadLoad | undefined => {
  let most: WorkloadLoad | undefined;
  for (const { reading, target, stablePods } of decision?.evidence.demands ?? [])
    if (reading.kind === 'value' && (most === undefined || stablePods > most.pods))
      most = { metric: reading.metric, value: reading.stable, target, pods: stablePods };
  return most;
};

/** A workload as `GET /workloads` shows it. */
export const summaryOf = (workload: ScaledWorkload): WorkloadSummary => {
  const { namespace, name, resource, mode, pause, desired, replicas, ready, starting, reason, wakeFailure, next, decision, decidedSince } = workload;
  const load = loadOf(decision);
  const { held = 0, inFlight = 0 } = decision?.evidence ?? {};
  return {
    namespace,
    name,
    resource,
    phase: phaseOf(workload),
    mode,
    pause,
    desired,
    replicas,
    ready,
    starting,
    held,
    inFlight,
    ...(load === undefined ? {} : { load }),
    reason,
    ...(wakeFailure === undefined ? {} : { wakeFailure }),
    ...(decision === undefined ? {} : { decision: decided(decision, decidedSince ?? decision.at) }),
    ...(next === undefined ? {} : { next }),
  };
};

const decided = (decision: Decision, since: NonNullable<WorkloadSummary['decision']>['since']): NonNullable<WorkloadSummary['decision']> => ({
  kind: decision.kind,
  from: decision.kind === 'hold' ? decision.to : decision.from,
  to: decision.to,
  since,
  at: decision.at,
});

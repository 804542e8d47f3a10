import { ROOT_CONTEXT, type Attributes, type Context, type Tracer } from '@opentelemetry/api';
import type { Clock, Decision, DecisionStep, WorkloadKey } from '../../core/index.ts';
import type { ScalerEvent } from '../../scaler/index.ts';
import { timeOf, workloadAttributes } from './workload-attributes.ts';

/** Decisions that changed a count: a span from the moment of the decision until `/scale` had taken it, with the evidence as attributes. */
export class DecisionSpans {
  readonly #tracer: Tracer;
  readonly #clock: Clock;
  /** The newest one of each workload that wants another count. */
  readonly #wanted = new Map<WorkloadKey, Decision>();

  constructor(tracer: Tracer, clock: Clock) {
    this.#tracer = tracer;
    this.#clock = clock;
  }

  decided(workload: WorkloadKey, decision: Decision): void {
    if (decision.kind !== 'hold') this.#wanted.set(workload, decision);
  }

  /** `wake`: that it is a part of, where it is one. */
  written({ workload, from, to, reason }: Extract<ScalerEvent, { readonly type: 'scaled' }>, wake: Context | undefined): void {
    const wanted = this.#wanted.get(workload);
    this.#wanted.delete(workload);
    const decision = wanted?.to === to ? wanted : undefined;
    const now = this.#clock.now();
    const span = this.#tracer.startSpan(
      'decision',
      {
        startTime: timeOf(Math.min(decision?.at ?? now, now)),
        attributes: {
          ...workloadAttributes(workload),
          'rouse.reason': reason,
          'rouse.replicas.from': from,
          'rouse.replicas.to': to,
          ...(decision === undefined ? {} : evidenceAttributes(decision)),
        },
      },
      (to > from ? wake : undefined) ?? ROOT_CONTEXT,
    );
    span.end(timeOf(now));
  }

  forget(workload: WorkloadKey): void {
    this.#wanted.delete(workload);
  }

  clear(): void {
    this.#wanted.clear();
  }
}

/** `rate-up 10 → 4 (4)` */
const stepInWords = ({ step, from, to, limit }: DecisionStep): string =>
  `${step} ${String(from)} → ${String(to)}${limit === undefined ? '' : ` (${String(limit)})`}`;

export const evidenceAttributes = ({ kind, evidence }: Decision): Attributes => {
  const metrics: Attributes = {};
  for (const { reading, target } of evidence.demands) {
    const name = `rouse.metric.${reading.metric}`;
    metrics[`${name}.target`] = target;
    if (reading.kind === 'value') [metrics[`${name}.stable`], metrics[`${name}.panic`]] = [reading.stable, reading.panic];
    else metrics[`${name}.missing`] = reading.why ?? true;
  }
  return {
    'rouse.decision.kind': kind,
    'rouse.pods.ready': evidence.ready,
    'rouse.pods.starting': evidence.starting,
    'rouse.requests.held': evidence.held,
    'rouse.requests.in_flight': evidence.inFlight,
    'rouse.panicking': evidence.panicking,
    ...(evidence.wanted === undefined ? {} : { 'rouse.pods.wanted': evidence.wanted }),
    'rouse.steps': evidence.steps.map(stepInWords),
    ...metrics,
  };
};

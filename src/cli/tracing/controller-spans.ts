import type { Tracer } from '@opentelemetry/api';
import type { Clock } from '../../core/index.ts';
import type { ControllerTracer } from '../controller/controller-tracer.ts';
import { DecisionSpans } from './decision-spans.ts';
import { WakeSpans } from './wake-spans.ts';

/** What a controller does as spans: wakes, and decisions that changed a count; one that woke a workload is below its wake. */
export const controllerSpans = (tracer: Tracer, clock: Clock): ControllerTracer => {
  const wakes = new WakeSpans(tracer, clock);
  const decisions = new DecisionSpans(tracer, clock);
  return {
    wakes,
    poked: (poke) => wakes.poked(poke),
    decided: (workload, decision) => {
      decisions.decided(workload, decision);
      wakes.decided(workload, decision);
    },
    waking: (workload, decision) => wakes.begin(workload, decision),
    happened: (event) => {
      if (event.type === 'scaled') decisions.written(event, wakes.within(event.workload));
      wakes.happened(event);
    },
    forget: (workload) => {
      decisions.forget(workload);
      wakes.forget(workload);
    },
    stepDown: () => {
      decisions.clear();
      wakes.stepDown();
    },
    end: () => wakes.end(),
  };
};

import type { ControllerSummary, WhyAnswer, WorkloadReader } from '../../api/index.ts';
import { workloadKey, type Clock, type WorkloadKey } from '../../core/index.ts';
import { explainInWords, parseMoment, type PlacedPod, type Scaler } from '../../scaler/index.ts';
import { summaryOf } from './workload-summary.ts';

const why = ({ scaler, clock, placed }: WorkloadReaderParts, namespace: string, name: string, at: string | undefined): WhyAnswer => {
  const moment = at === undefined ? undefined : parseMoment(at, clock.now());
  if (at !== undefined && moment === undefined) {
    const detail = `at is ${JSON.stringify(at.slice(0, 64))}: want a time that has been, such as 2026-01-05T12:00:00Z (RFC 3339), or how long ago, such as 5m ago`;
    return { kind: 'problem', status: 400, code: 'bad-time', detail };
  }
  const found = scaler.decided.why(namespace, name, moment);
  switch (found.kind) {
    case 'explained': {
      const own = placed?.(workloadKey(found.explanation.workload)).filter(({ at: since }) => since <= found.explanation.at);
      const explanation = own === undefined ? found.explanation : { ...found.explanation, placements: own };
      return { kind: 'explained', explanation, words: () => explainInWords(explanation) };
    }
    case 'unknown':
      return { kind: 'not-onboarded' };
    case 'undecided':
      return { kind: 'problem', status: 404, code: 'undecided', detail: `nothing has been decided for ${namespace}/${name} yet: ask again in a moment` };
    case 'too-early': {
      const begins = new Date(found.begins).toISOString();
      const detail = `the journal of ${namespace}/${name} begins at ${begins}, when this controller first decided for it or where older records had to go; Kubernetes Events and the metrics may know more`;
      return { kind: 'problem', status: 404, code: 'before-journal', detail };
    }
  }
};

export interface WorkloadReaderParts {
  readonly scaler: Scaler;
  readonly clock: Pick<Clock, 'now'>;
  /** Where its newest pods went; undefined: nobody places pods. */
  readonly placed: ((workload: WorkloadKey) => readonly PlacedPod[]) | undefined;
  readonly controller: () => ControllerSummary;
}

/** What the HTTP API reads of the scaler. */
export const workloadReader = (parts: WorkloadReaderParts): WorkloadReader => {
  const { scaler } = parts;
  return {
    workloads: () => scaler.decided.workloads().map(summaryOf),
    explain: (namespace, name) => {
      const found = scaler.decided.explain(namespace, name);
      return found === undefined ? undefined : { workload: summaryOf(found.workload), decisions: found.decisions };
    },
    why: (namespace, name, at) => why(parts, namespace, name, at),
    trace: (namespace, name) => scaler.decided.trace(namespace, name),
    leads: () => scaler.leads,
    controller: parts.controller,
  };
};

import type { WhyAnswer, WorkloadReader, WorkloadSummary } from '../api/index.ts';
import type { Clock } from '../core/index.ts';
import { explainInWords, parseMoment, type ScaledWorkload, type Scaler } from '../scaler/index.ts';

const summary = ({ namespace, name, resource, desired, ready, reason }: ScaledWorkload): WorkloadSummary => ({
  namespace,
  name,
  resource,
  desired,
  ready,
  reason,
});

const why = (scaler: Scaler, clock: Pick<Clock, 'now'>, namespace: string, name: string, at: string | undefined): WhyAnswer => {
  const moment = at === undefined ? undefined : parseMoment(at, clock.now());
  if (at !== undefined && moment === undefined) {
    const detail = `at is ${JSON.stringify(at.slice(0, 64))}: want a time that has been, such as 2026-01-05T12:00:00Z (RFC 3339), or how long ago, such as 5m ago`;
    return { kind: 'problem', status: 400, code: 'bad-time', detail };
  }
  const found = scaler.why(namespace, name, moment);
  switch (found.kind) {
    case 'explained':
      return { kind: 'explained', explanation: found.explanation, words: () => explainInWords(found.explanation) };
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

/** What the HTTP API reads of the scaler. */
export const workloadReader = (scaler: Scaler, clock: Pick<Clock, 'now'>): WorkloadReader => ({
  workloads: () => scaler.workloads().map(summary),
  explain: (namespace, name) => {
    const found = scaler.explain(namespace, name);
    return found === undefined ? undefined : { workload: summary(found.workload), decisions: found.decisions };
  },
  why: (namespace, name, at) => why(scaler, clock, namespace, name, at),
  trace: (namespace, name) => scaler.trace(namespace, name),
  leads: () => scaler.leads,
});

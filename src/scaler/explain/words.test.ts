import test from 'ava';
import { concurrencyOf, observed, specWith, start } from '../../../test/support/decision-inputs.ts';
import { after, decisionSteps, pods, seconds, workloadKey, type Evidence, type Observation, type StepName } from '../../core/index.ts';
import { decide, initialState, noFormulas } from '../../decider/index.ts';
import type { JournalRecord } from '../journal.ts';
import { explanationOf, type Explanation } from './explanation.ts';
import { explainInWords } from './words.ts';

const key = workloadKey({ resource: 'deployments.apps', namespace: 'default', name: 'hello' });

const explained = (observation: Observation, evidence: Partial<Evidence> = {}, leads = true): Explanation => {
  const spec = specWith({ max: pods(3) });
  const before = initialState(spec, observation.ready, start);
  const { decision, state } = decide(before, observation, spec, start);
  const shown = { ...decision, evidence: { ...decision.evidence, ...evidence } };
  const tick = { poked: false, before, observation, spec, decision: shown, after: state, formulaMissing: false };
  const line: JournalRecord = { since: start, times: 1, poked: false, decision: shown, tick };
  const workload = {
    key,
    resource: 'deployments.apps',
    namespace: 'default',
    name: 'hello',
    desired: decision.to,
    replicas: observation.replicas,
    ready: observation.ready,
    starting: observation.starting,
    reason: decision.reason,
    mode: spec.mode,
    pause: spec.pause,
    wakeFailure: undefined,
    next: undefined,
    decision,
    decidedSince: line.since,
  };
  const now = after(start, seconds(1));
  const explanation = explanationOf({ workload, wakeFailure: undefined, leads, lines: [line], ticks: [tick], formulas: noFormulas, now, at: undefined });
  if (explanation === undefined) throw new Error('too early');
  return explanation;
};

test('a page of words: the load, each step with its limit, what stops a rise, what brings a fall, and the history', (t) => {
  const page = explainInWords(explained(observed({ ready: 3, metrics: [concurrencyOf(500)], inFlight: 500 })));
  t.is(
    page,
    `default/hello (deployments.apps) is held at 3 pods: lowered to the ceiling [max-scale]
since 2023-11-14T22:14:00.000Z (1s ago)
3 ready

Load
  metric       over 1m  over 6s  target per pod  pods         newest sample
  concurrency  500      500      70              7.14 / 7.14  500ms old
  in flight 500, held 0; 3 pods asked for, 3 ready, 0 starting; panicking

From the load to the count
  8      asked for by the metric, in whole pods
  8 → 3  lowered to the ceiling (3)              [max-scale]
  3      decided: as many as there are

What would change it
  no load brings more pods: lowered to the ceiling [max-scale]
  goes to 2 pods at 126 requests in flight or fewer (average over 1m), after 1m2s of that

History
  2023-11-14T22:14:00.000Z  1s ago  held at 3  lowered to the ceiling [max-scale]
`,
  );
});

test('a workload that cannot wake says so on top, with the message and where to look', (t) => {
  const explanation = explained(observed({ ready: 0, metrics: [concurrencyOf(0)] }));
  const page = explainInWords({ ...explanation, wakeFailure: { reason: 'crash-loop', message: 'container app: exit code 3 (Error)' } });
  t.is(
    page.split('\n').slice(2, 5).join('\n'),
    `0 ready
cannot wake: the container exits again and again [crash-loop]: container app: exit code 3 (Error)
what its pods say: kubectl -n default describe pods`,
  );
});

test('where the ticks of a time asked for are gone, the page says that its figures are later ones', (t) => {
  const explanation = explained(observed({ ready: 3, metrics: [concurrencyOf(500)], inFlight: 500 }));
  const { decision } = explanation.record;
  const page = explainInWords({
    ...explanation,
    at: after(decision.at, seconds(-60)),
    record: { ...explanation.record, since: after(decision.at, seconds(-3600)) },
  });
  t.regex(page, /^the ticks of then are gone: load, steps and what would change it are of 2023-11-14T22:14:00.000Z$/m);
  t.notRegex(explainInWords({ ...explanation, at: decision.at }), /ticks of then/);
});

test('every step that there is reads as a sentence with its number', (t) => {
  const steps = (Object.keys(decisionSteps) as StepName[]).map((step, index) => ({ step, from: index, to: index + 1, limit: 7 }));
  const page = explainInWords(explained(observed(), { steps }));
  for (const { step, from, to } of steps)
    t.true(
      page.split('\n').some((line) => line.includes(`${from} → ${to}`) && line.includes(`${decisionSteps[step]} (7)`) && line.endsWith(`[${step}]`)),
      step,
    );
});

test('a budget is told with the shares, and with who gets less', (t) => {
  const budget = {
    limit: pods(2),
    share: pods(2),
    wanted: 5,
    scope: 'namespace' as const,
    ceiling: pods(10),
    used: pods(10),
    losers: [{ workload: key, wanted: pods(5), share: pods(2) }],
  };
  const page = explainInWords(explained(observed(), { budget }));
  t.regex(page, /^ {2}budget of the namespace: 10 of 10 pods in use; wants 5, its share is 2, now at most 2$/m);
  t.regex(page, /^ {2}who gets less than it wants: default\/hello \(2 of 5\)$/m);
});

test('a metric without a value says since when, and why where that is known', (t) => {
  const metrics = [{ metric: 'concurrency' as const, kind: 'no-data' as const, age: seconds(30), why: 'no pod is measured' }];
  const page = explainInWords(explained(observed({ metrics })));
  t.regex(page, /^ {2}concurrency +no data .* 30s old +no pod is measured$/m);
  t.regex(page, /^ {2}no load brings more pods: no metric has a value/m);
});

test('a standby says that it is one', (t) => {
  t.regex(explainInWords(explained(observed(), {}, false)), /^told by a replica that stands by/m);
});

test('where the newest pods went, what decided it and what the other nodes were worth is told', (t) => {
  const explanation = explained(observed());
  const { now } = explanation;
  const terms = { image: 10, start: 6, quiet: 10, soon: 9, headroom: 3, fullness: 7, spread: 8, pool: 10 };
  const one = {
    at: after(now, seconds(-90)),
    pod: 'web-a-x',
    uid: 'u1',
    policy: 'warm',
    pool: 'base' as const,
    node: 'n2',
    score: 9,
    terms,
    leaving: undefined,
    nodes: 6,
  };
  const next = [
    { node: 'n1', score: 4, leaving: undefined },
    { node: 'n3', score: 0, leaving: 'draining' as const },
  ];
  const placements = [
    { ...one, next, boundTo: 'n2' },
    { ...one, uid: 'u2', pod: 'web-a-y', at: now, pool: undefined, next: [], nodes: 1, boundTo: undefined },
  ];
  const page = explainInWords({ ...explanation, placements });
  t.true(
    page.includes(
      `Where its pods went
  web-a-y  to n2, not seen there yet  score 9  0s ago
    warm: image 10, start 6, quiet 10, soon 9, headroom 3, fullness 7, spread 8, pool 10; no other node could have it
  web-a-x  to n2  score 9  1m30s ago
    warm, base: image 10, start 6, quiet 10, soon 9, headroom 3, fullness 7, spread 8, pool 10; then n1 4, n3 0 (draining), 3 more
`,
    ),
    page,
  );
  t.regex(
    explainInWords({ ...explanation, placements: [{ ...one, next, boundTo: 'n1' }] }),
    /web-a-x {2}to n1, though n2 was best here: the scheduler's own scores went before/,
  );
  t.notRegex(explainInWords(explanation), /Where its pods went/);
});

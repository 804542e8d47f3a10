import test from 'ava';
import fc from 'fast-check';
import { annotation, printWorkloadState } from '../../core/index.ts';
import type { Verdict } from './answer.ts';
import { mutateWorkload, type WorkloadWrite } from './mutate-workload.ts';
import type { Labels, WorkloadObject } from './workload-object.ts';

const lastApplied = 'kubectl.kubernetes.io/last-applied-configuration';
const on: Labels = { [annotation.enabled]: 'true' };
const stateFor = (replicasBefore: number): Labels => ({ [annotation.state]: printWorkloadState({ v: 1, replicasBefore }) });

const workload = (annotations: Labels, replicas: number | undefined = 3, image = 'app:1'): WorkloadObject => ({
  annotations,
  podAnnotations: {},
  podLabels: {},
  replicas,
  hasReplicas: true,
  template: { spec: { containers: [{ image }] } },
  replicasAppliers: [],
});

const write = (object: WorkloadObject, before?: WorkloadObject, more: Partial<WorkloadWrite> = {}): WorkloadWrite => ({
  object,
  before,
  bySelf: false,
  fieldManager: 'kubectl-client-side-apply',
  mode: 'enforce',
  modeBefore: 'enforce',
  leaving: false,
  ...more,
});

/** The object as the verdict leaves it. */
const result = (
  input: WorkloadWrite,
  verdict: Verdict = mutateWorkload(input),
): { readonly annotations: Labels; readonly replicas: number | undefined; readonly warnings: readonly string[] } => {
  if (verdict.kind === 'deny') throw new Error('denied');
  const after = verdict.mutation?.after as { metadata?: { annotations?: Labels }; spec?: { replicas?: number } } | undefined;
  return {
    annotations: verdict.mutation === undefined ? input.object.annotations : (after?.metadata?.annotations ?? {}),
    replicas: after?.spec?.replicas ?? input.object.replicas,
    warnings: verdict.warnings,
  };
};

const changes = test.macro((t, input: WorkloadWrite, want: { annotations?: Labels; replicas?: number | undefined; warnings?: readonly RegExp[] }) => {
  const got = result(input);
  t.deepEqual(got.annotations, want.annotations ?? input.object.annotations);
  t.is(got.replicas, want.replicas ?? input.object.replicas);
  t.is(got.warnings.length, want.warnings?.length ?? 0, got.warnings.join('\n'));
  for (const [at, pattern] of (want.warnings ?? []).entries()) t.regex(got.warnings[at] ?? '', pattern);
});

test('a workload that is created switched on remembers the count it asked for', changes, write(workload(on, 3)), { annotations: { ...on, ...stateFor(3) } });
test('switching on remembers the live count', changes, write(workload(on, 3), workload({}, 3)), { annotations: { ...on, ...stateFor(3) } });
test('switching on with another count in the same manifest keeps the live one', changes, write(workload(on, 1), workload({}, 5)), {
  annotations: { ...on, ...stateFor(5) },
  replicas: 5,
  warnings: [/stays 5 \(sent: 1\)/],
});
test(
  'a manifest applied again changes neither the count nor what is remembered',
  changes,
  write(workload({ ...on, ...stateFor(3) }, 3), workload({ ...on, ...stateFor(3) }, 0)),
  {
    replicas: 0,
    warnings: [/stays 0 \(sent: 3\)/],
  },
);
test(
  'in mode observe the count is the manifest’s',
  changes,
  write(workload({ ...on, ...stateFor(3) }, 4), workload({ ...on, ...stateFor(3) }, 3), { mode: 'observe', modeBefore: 'observe' }),
  {},
);
test(
  'switching off what was only observed leaves the count to the manifest',
  changes,
  write(workload(stateFor(3), 2), workload({ ...on, ...stateFor(3) }, 5), { modeBefore: 'observe' }),
  {},
);
test(
  'going from observe to enforce remembers the count anew',
  changes,
  write(workload({ ...on, ...stateFor(3) }, 6), workload({ ...on, ...stateFor(3) }, 6), { modeBefore: 'observe' }),
  {
    annotations: { ...on, ...stateFor(6) },
  },
);
test(
  'switching off with fewer replicas than run keeps those that run for now',
  changes,
  write(workload(stateFor(3), 1), workload({ ...on, ...stateFor(3) }, 4)),
  {
    replicas: 4,
    warnings: [/stays 4 until/],
  },
);
test('switching off with more replicas than run lets them come', changes, write(workload(stateFor(3), 3), workload({ ...on, ...stateFor(3) }, 0)), {});
test(
  'a workload that is not ours may have any count',
  changes,
  write(workload({ [annotation.enabled]: 'false' }, 9), workload({ [annotation.enabled]: 'false' }, 3)),
  {},
);
test('our own writes pass as they are', changes, write(workload({ ...on, [annotation.status]: 'x' }, 9), workload(on, 3), { bySelf: true }), {});

test(
  'what a user sends for state or status is ignored',
  changes,
  write(workload({ ...on, ...stateFor(99), [annotation.status]: 'mine' }, 3), workload({ ...on, ...stateFor(3) }, 3)),
  {
    annotations: { ...on, ...stateFor(3) },
    warnings: [/^rouse\.dev\/state is written by Rouse alone/, /^rouse\.dev\/status is written by Rouse alone/],
  },
);
test(
  'asked again with what it wrote itself in the object (another webhook came in between), it warns of nothing',
  changes,
  write(workload({ ...on, ...stateFor(3) }, 3)),
  {},
);
test('a user cannot remove state', changes, write(workload(on, 3), workload({ ...on, ...stateFor(3) }, 3)), { annotations: { ...on, ...stateFor(3) } });
test('an exported manifest that is created elsewhere brings no state along', changes, write(workload({ ...stateFor(7), [annotation.enabled]: 'false' }, 2)), {
  annotations: { [annotation.enabled]: 'false' },
  warnings: [/state is written by Rouse alone/],
});

const settings = { 'rouse.dev/window': '90s' };
const undo = { fieldManager: undefined };
test(
  'a rollback past the onboarding keeps everything of ours',
  changes,
  write(workload({ note: 'old', [lastApplied]: 'x' }, 2, 'app:0'), workload({ ...on, ...settings, ...stateFor(2), [lastApplied]: 'x' }, 2), undo),
  {
    annotations: { note: 'old', [lastApplied]: 'x', ...on, ...settings, ...stateFor(2) },
    warnings: [/rollback/],
  },
);
test(
  'a rollback brings back no setting that was taken away since',
  changes,
  write(workload({ ...on, ...settings, ...stateFor(2) }, 2, 'app:0'), workload({ ...on, ...stateFor(2) }, 2), undo),
  {
    annotations: { ...on, ...stateFor(2) },
    warnings: [/rollback/],
  },
);
test('a rollback past the off-boarding does not switch on again', changes, write(workload({ ...on }, 2, 'app:0'), workload({}, 2), undo), {
  annotations: {},
  warnings: [/rollback/],
});
test(
  'a writer with a field manager may change settings together with the template',
  changes,
  write(workload({ ...settings }, 2, 'app:0'), workload({ ...on }, 2)),
  {},
);
test('an unnamed writer may switch off as long as the template stays', changes, write(workload({}, 2), workload({ ...on }, 2), undo), {});
test(
  'an unnamed writer whose last-applied changes is an apply, not a rollback',
  changes,
  write(workload({ [lastApplied]: 'y' }, 2, 'app:0'), workload({ ...on, [lastApplied]: 'x' }, 2), undo),
  {},
);

test('law: applied to its own result, the rule changes nothing more', (t) => {
  const annotations = fc.dictionary(
    fc.constantFrom(annotation.enabled, annotation.state, annotation.status, 'rouse.dev/window', 'note'),
    fc.constantFrom('true', 'false', '60s', printWorkloadState({ v: 1, replicasBefore: 2 }), ''),
  );
  const object = fc
    .tuple(annotations, fc.nat({ max: 5 }), fc.constantFrom('app:1', 'app:2'))
    .map(([texts, replicas, image]) => workload(texts, replicas, image));
  const mode = fc.constantFrom('enforce' as const, 'observe' as const);
  fc.assert(
    fc.property(
      object,
      fc.option(object, { nil: undefined }),
      fc.constantFrom(undefined, 'kubectl'),
      mode,
      mode,
      (now, before, fieldManager, nextMode, modeBefore) => {
        const input = write(now, before, { fieldManager, mode: nextMode, modeBefore });
        const once = result(input);
        const again = result({ ...input, object: { ...now, annotations: once.annotations, replicas: once.replicas } });
        t.deepEqual({ annotations: again.annotations, replicas: again.replicas }, { annotations: once.annotations, replicas: once.replicas });
      },
    ),
    { numRuns: 500 },
  );
});

test('while everything is handed back, a manifest with the switch on onboards nothing, and its count stands once nothing is left to hand back', (t) => {
  const onboards = result(write(workload(on, 3), workload({}, 3), { leaving: true }));
  t.deepEqual([onboards.annotations, onboards.replicas], [on, 3]);
  const during = result(write(workload({ ...on, ...stateFor(1) }, 1), workload({ ...on, ...stateFor(1) }, 4), { leaving: true }));
  t.is(during.replicas, 4);
  t.regex(during.warnings.join(), /stays 4 until the workload is handed back/);
  const more = result(write(workload({ ...on, ...stateFor(1) }, 6), workload({ ...on, ...stateFor(1) }, 4), { leaving: true }));
  t.is(more.replicas, 6);
  const after = result(write(workload(on, 1), workload(on, 4), { leaving: true }));
  t.deepEqual([after.annotations, after.replicas, after.warnings], [on, 1, []]);
});

const uncounted = (annotations: Labels): WorkloadObject => ({ ...workload(annotations), replicas: undefined, hasReplicas: false });

test('of a kind whose count only its /scale knows, nothing is remembered or kept here', (t) => {
  t.deepEqual(result(write(uncounted(on), uncounted({}))), { annotations: on, replicas: undefined, warnings: [] });
  t.deepEqual(result(write(uncounted({ ...on, ...stateFor(2) }), uncounted({ ...on, ...stateFor(2) }))).replicas, undefined);
});

test('of a kind that names its count where Deployments do, a manifest without it keeps the live one', (t) => {
  const during = result(write(uncounted({ ...on, ...stateFor(2) }), workload({ ...on, ...stateFor(2) }, 4)));
  t.is(during.replicas, 4);
  t.regex(during.warnings.join(), /stays 4 \(sent: none\)/);
});

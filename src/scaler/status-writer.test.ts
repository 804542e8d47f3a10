import test from 'ava';
import fc from 'fast-check';
import { specWith } from '../../test/support/decision-inputs.ts';
import { ManualClock, pods, seconds, silentLogger, workloadKey, type Decision, type WorkloadKey, type WorkloadRef } from '../core/index.ts';
import { resources, type WorkloadView } from '../kube/index.ts';
import type { StatusWriterPorts } from './status-writer.ts';
import { StatusWriter } from './status-writer.ts';
import { start, viewOf } from './testing/views.ts';

const evidence = { demands: [], steps: [], panicking: false, wanted: 0, replicas: pods(0), ready: pods(0), starting: pods(0), held: 0, inFlight: 0 };
const spec = specWith();
const refs: readonly WorkloadRef[] = ['web', 'queue', 'jobs'].map((name) => ({ resource: 'deployments.apps', namespace: 'default', name }));
const holds = ['steady', 'idle', 'manual-override', 'no-data', 'budget'] as const;
const scales = ['metric-rise', 'panic', 'wake-request'] as const;

interface Workload {
  readonly key: WorkloadKey;
  readonly ref: WorkloadRef;
  view: WorkloadView;
  /** As the API server has it: when, and what. */
  readonly writes: { readonly at: number; readonly text: string }[];
}

const withoutSince = (text: string): string => text.replace(/"since":"[^"]*"/, '');

const tick = fc.record({
  workload: fc.nat(2),
  to: fc.integer({ min: 0, max: 3 }),
  reason: fc.constantFrom(...holds, ...scales),
  refused: fc.boolean(),
  seconds: fc.constantFrom(1, 2, 2, 2, 7, 30),
});

test('whatever is decided: no two writes of a workload within 10 s, none that says what stands there already, each small, and in the end the last word stands', async (t) => {
  await fc.assert(
    fc.asyncProperty(fc.array(tick, { maxLength: 60 }), async (ticks) => {
      const clock = new ManualClock(start);
      const workloads: readonly Workload[] = refs.map((ref) => ({ key: workloadKey(ref), ref, view: viewOf({ name: ref.name }), writes: [] }));
      const attempts = new Map<string, number>();
      let refuse = false;
      const mergePatch: StatusWriterPorts['client']['mergePatch'] = (_resource, { name }, patch) => {
        const last = attempts.get(name) ?? -Infinity;
        t.true(clock.now() - last >= 10_000, `${name}: ${clock.now() - last} ms after the write before`);
        attempts.set(name, clock.now());
        const workload = workloads.find(({ ref }) => ref.name === name)!;
        if (refuse) return Promise.reject(new Error('away'));
        const [text = ''] = Object.values((patch as { metadata: { annotations: Record<string, string> } }).metadata.annotations);
        workload.writes.push({ at: clock.now(), text });
        workload.view = viewOf({ name, annotations: { 'rouse.dev/status': text } });
        return Promise.resolve({ ok: true, value: {} } as never);
      };
      const writer = new StatusWriter({ client: { mergePatch }, resourceOf: () => resources.deployments, clock, logger: silentLogger });
      const { signal } = new AbortController();
      const flush = async (wait: number): Promise<void> => {
        writer.flush(signal);
        await clock.advance(seconds(wait));
      };
      const said = new Map<Workload, Decision>();
      let anyRefused = false;
      for (const { workload: index, to, reason, refused, seconds: wait } of ticks) {
        const workload = workloads[index]!;
        const at = clock.now();
        const decision: Decision = scales.some((each) => each === reason)
          ? { kind: 'scale', from: pods(to === 0 ? 1 : 0), to: pods(to), at, reason, evidence, excessBurstCapacity: undefined }
          : { kind: 'hold', to: pods(to), at, reason, evidence, excessBurstCapacity: undefined };
        refuse = refused;
        anyRefused ||= refused;
        writer.note({ ...workload, spec }, decision);
        said.set(workload, decision);
        await flush(wait);
      }
      refuse = false;
      for (let quiet = 0; quiet < 4; quiet += 1) await flush(11);
      for (const workload of workloads) {
        const { writes } = workload;
        for (const [index, { text }] of writes.entries()) {
          t.true(text.length < 200, text);
          // Of a write that was refused nobody knows whether it was done.
          if (!anyRefused && index > 0) t.not(withoutSince(text), withoutSince(writes[index - 1]!.text));
        }
        const decision = said.get(workload);
        if (decision === undefined) t.is(writes.length, 0);
        else t.is((JSON.parse(writes.at(-1)!.text) as { desired: number }).desired, decision.to);
      }
      const before = workloads.map(({ writes }) => writes.length);
      for (let quiet = 0; quiet < 3; quiet += 1) {
        for (const [workload, decision] of said) writer.note({ ...workload, spec }, decision);
        await flush(11);
      }
      t.deepEqual(
        workloads.map(({ writes }) => writes.length),
        before,
      );
    }),
    { numRuns: 150 },
  );
});

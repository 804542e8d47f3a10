import test from 'ava';
import fc from 'fast-check';
import { totalUsage, type MeasuredPod, type PodUsage, type Total } from './pod-usage.ts';

const begun = 1_700_000_000_000;
const at = (seconds: number): number => begun + seconds * 1000;

/** Half a core requested, ready 2 s after its start. */
const pod = (name: string, changed: Partial<MeasuredPod> = {}): MeasuredPod => ({
  name,
  createdAt: begun,
  deleting: false,
  finished: false,
  ready: true,
  readyChangedAt: at(2),
  containers: ['app'],
  cpuRequest: 0.5,
  withoutCpuRequest: undefined,
  ...changed,
});

const usage = (name: string, cpu: number | undefined, changed: Partial<PodUsage> = {}): PodUsage => ({
  name,
  timestamp: at(60),
  windowMs: 15_000,
  containers: [{ name: 'app', cpu, memory: 100 }],
  ...changed,
});

const total = (pods: readonly MeasuredPod[], usages: readonly PodUsage[], target: number | undefined = 50): Total =>
  totalUsage('cpu', pods, (name) => usages.find((each) => each.name === name), target);
const value = (expected: number): Total => ({ kind: 'value', total: expected });

test('cpu is the share of their requests that all pods use, once for each pod', (t) => {
  t.deepEqual(total([pod('a'), pod('b')], [usage('a', 0.5), usage('b', 0.25)]), value(150));
  t.deepEqual(
    total([pod('a', { cpuRequest: 1.5 }), pod('b')], [usage('a', 1), usage('b', 0)]),
    value(100),
    'as a HorizontalPodAutoscaler: 1 of 2 cores, two pods',
  );
});

test('memory is bytes, whatever the requests', (t) => {
  const pods = [pod('a', { cpuRequest: undefined }), pod('b')];
  t.deepEqual(
    totalUsage('memory', pods, (name) => usage(name, undefined), 1000),
    value(200),
  );
});

test('pods that start, end or have ended are left out', (t) => {
  const starting = pod('b', { ready: false, readyChangedAt: at(1) });
  const neverSaid = pod('c', { ready: false, readyChangedAt: 0 });
  const others = [starting, neverSaid, pod('d', { deleting: true }), pod('e', { finished: true })];
  t.deepEqual(total([pod('a'), ...others], [usage('a', 0.5), usage('b', 9), usage('d', 9), usage('e', 9)]), value(100));
});

test('a pod that was ready and is not any more still counts: it may be the load that took it out', (t) => {
  t.deepEqual(total([pod('a', { ready: false, readyChangedAt: at(50) })], [usage('a', 1)]), value(200));
});

test('a sample that speaks of the start of a young pod is none; of its memory it is', (t) => {
  const young = pod('a', { readyChangedAt: at(50) });
  t.deepEqual(total([young], [usage('a', 1)]), { kind: 'unmeasured' });
  t.deepEqual(total([pod('a', { readyChangedAt: at(400) })], [usage('a', 1, { timestamp: at(401) })]), value(200), 'it has been there for long');
  t.deepEqual(
    totalUsage('memory', [young], () => usage('a', 1), 50),
    value(100),
  );
});

test('the sample of a namesake of before is none', (t) => {
  for (const metric of ['cpu', 'memory'] as const)
    t.deepEqual(
      totalUsage(metric, [pod('a')], () => usage('a', 1, { timestamp: at(-1) }), 50),
      { kind: 'unmeasured' },
    );
});

test('a pod without a sample neither raises nor lowers the count by itself', (t) => {
  const pods = [pod('a'), pod('b')];
  t.deepEqual(total(pods, [usage('a', 0.75)]), value(150), 'three pods are needed even if b uses nothing');
  t.deepEqual(total(pods, [usage('a', 0.35)]), value(100), 'one and a half if b uses nothing, nearly two and a half if it is busy: two');
  t.deepEqual(total(pods, [usage('a', 0.05)]), value(60), 'it may be busy');
  t.deepEqual(
    totalUsage('cpu', pods, (name) => (name === 'a' ? usage('a', 0.35) : undefined), undefined),
    value(140),
    'without a target it is an average one',
  );
});

test('a pod of which a container is missing, or has no number, has no sample', (t) => {
  const two = pod('a', { containers: ['app', 'side'] });
  t.deepEqual(total([two], [usage('a', 0.5)]), { kind: 'unmeasured' });
  for (const wrong of [undefined, Number.NaN, Number.POSITIVE_INFINITY, -1]) t.deepEqual(total([pod('a')], [usage('a', wrong)]), { kind: 'unmeasured' });
  const more = usage('a', 0.5, { containers: [...usage('a', 0.5).containers, { name: 'debugger', cpu: 9, memory: 9 }] });
  t.deepEqual(total([pod('a')], [more]), value(100), 'what is not of the template does not count');
});

test('a percentage of nothing is named', (t) => {
  t.deepEqual(total([pod('a'), pod('b', { cpuRequest: undefined, withoutCpuRequest: 'side' })], [usage('a', 1)]), {
    kind: 'no-request',
    pod: 'b',
    container: 'side',
  });
});

test('the total lies between what is measured and that with every other pod at the target, and never asks for less than the measured pods need', (t) => {
  const numbers = fc.array(fc.option(fc.double({ min: 0, max: 10, noNaN: true }), { nil: undefined }), { minLength: 1, maxLength: 20 });
  fc.assert(
    fc.property(numbers, fc.double({ min: 1, max: 400, noNaN: true }), (used, target) => {
      const pods = used.map((_, index) => pod(String(index)));
      const found = total(
        pods,
        used.flatMap((cpu, index) => (cpu === undefined ? [] : [usage(String(index), cpu)])),
        target,
      );
      const measured = used.filter((cpu) => cpu !== undefined);
      if (measured.length === 0) {
        t.is(found.kind, 'unmeasured');
        return;
      }
      const sum = measured.reduce((all, cpu) => all + cpu * 200, 0);
      const got = found.kind === 'value' ? found.total : Number.NaN;
      t.true(got >= sum - 1e-6 && got <= sum + (used.length - measured.length) * target + 1e-6);
    }),
  );
});

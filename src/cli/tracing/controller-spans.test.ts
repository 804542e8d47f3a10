import { trace, TraceFlags, type Attributes, type Context, type HrTime, type Span, type SpanContext, type SpanOptions, type Tracer } from '@opentelemetry/api';
import test from 'ava';
import { coldStartPhases, instant, ManualClock, millis, pods, workloadKey, type Decision, type DecisionReason, type Evidence } from '../../core/index.ts';
import type { ControllerTracer } from '../controller/controller-tracer.ts';
import { controllerSpans } from './controller-spans.ts';

const start = instant(1_700_000_000_000);
const web = workloadKey({ resource: 'deployments.apps', namespace: 'shop', name: 'web' });
const ms = ([seconds, nanoseconds]: HrTime): number => seconds * 1000 + nanoseconds / 1e6 - start;

/** A span that only remembers. */
class RecordedSpan implements Span {
  readonly name: string;
  readonly parent: string | undefined;
  readonly from: number;
  to: number | undefined;
  readonly attributes: Attributes;
  readonly events: string[] = [];
  failed = false;
  readonly #context: SpanContext;

  constructor(name: string, { startTime, attributes = {} }: SpanOptions, parent: SpanContext | undefined, context: SpanContext) {
    this.name = name;
    this.parent = parent?.spanId;
    this.from = ms(startTime as HrTime);
    this.attributes = { ...attributes };
    this.#context = context;
  }

  spanContext(): SpanContext {
    return this.#context;
  }
  setAttribute(key: string, value: Attributes[string]): this {
    this.attributes[key] = value;
    return this;
  }
  setAttributes(attributes: Attributes): this {
    Object.assign(this.attributes, attributes);
    return this;
  }
  addEvent(name: string): this {
    this.events.push(name);
    return this;
  }
  setStatus(): this {
    this.failed = true;
    return this;
  }
  end(time: HrTime): void {
    this.to = ms(time);
  }
  addLink = (): this => this;
  addLinks = (): this => this;
  updateName = (): this => this;
  isRecording = (): boolean => this.to === undefined;
  recordException = (): void => undefined;
}

class RecordingTracer implements Tracer {
  readonly spans: RecordedSpan[] = [];
  sampled = true;

  startSpan(name: string, options: SpanOptions = {}, context?: Context): RecordedSpan {
    const id = String(this.spans.length + 1).padStart(16, '0');
    const parent = context === undefined || options.root === true ? undefined : trace.getSpanContext(context);
    const own = { traceId: parent?.traceId ?? id.padStart(32, 'a'), spanId: id, traceFlags: this.sampled ? TraceFlags.SAMPLED : TraceFlags.NONE };
    const span = new RecordedSpan(name, options, parent, own);
    this.spans.push(span);
    return span;
  }

  startActiveSpan(): never {
    throw new Error('nothing here is active');
  }
}

const evidence: Evidence = {
  demands: [],
  steps: [],
  panicking: false,
  wanted: 1,
  replicas: pods(0),
  ready: pods(0),
  starting: pods(0),
  held: 1,
  inFlight: 0,
};
const decisionAt = (clock: ManualClock, kind: 'wake' | 'sleep' | 'scale', reason: DecisionReason, to: number, seen: Partial<Evidence> = {}): Decision => ({
  at: clock.now(),
  kind,
  reason,
  from: pods(0),
  to: pods(to),
  evidence: { ...evidence, ...seen },
  excessBurstCapacity: undefined,
});
const holdAt = (clock: ManualClock, seen: Partial<Evidence>): Decision => ({
  at: clock.now(),
  kind: 'hold',
  reason: 'steady',
  to: pods(1),
  evidence: { ...evidence, ...seen },
  excessBurstCapacity: undefined,
});

interface Scene {
  readonly clock: ManualClock;
  readonly tracer: RecordingTracer;
  readonly spans: ControllerTracer;
  readonly wake: (oldestHeldMs: number) => RecordedSpan;
  readonly serve: (totalMs: number) => void;
}

const scene = (): Scene => {
  const clock = new ManualClock(start);
  const tracer = new RecordingTracer();
  const spans = controllerSpans(tracer, clock);
  return {
    clock,
    tracer,
    spans,
    wake: (oldestHeldMs) => {
      const decision = decisionAt(clock, 'wake', 'wake-request', 1);
      spans.poked({ workload: web, held: 1, oldestHeldMs });
      spans.decided(web, decision);
      spans.waking(web, decision);
      spans.poked(undefined);
      const wake = tracer.spans.findLast(({ name }) => name === 'wake');
      if (wake === undefined) throw new Error('no wake has begun');
      return wake;
    },
    serve: (totalMs) => {
      const phases = { decide: 10, schedule: 20, start: 300, ready: 40, forward: totalMs - 370 };
      spans.happened({ type: 'first-byte', workload: web, coldStart: { totalMs, phases, podId: 'uid' } });
    },
  };
};

test('a wake is a span from the first request that waited to the first byte, with its decision and its phases below it, end to end', async (t) => {
  const { clock, tracer, spans, wake, serve } = scene();
  const span = wake(7);
  await clock.advance(millis(15));
  spans.happened({ type: 'scaled', workload: web, from: 0, to: 1, reason: 'wake-request' });
  await clock.advance(millis(400));
  serve(420);
  t.deepEqual([span.from, span.to, span.parent, span.failed], [-7, 415, undefined, false]);
  t.like(span.attributes, { 'k8s.namespace.name': 'shop', 'rouse.workload': 'web', 'rouse.wake.outcome': 'served', 'k8s.pod.uid': 'uid' });
  const below = tracer.spans.filter(({ parent }) => parent === span.spanContext().spanId);
  t.deepEqual(
    below.map(({ name, from, to }) => [name, from, to]),
    [
      ['decision', 0, 15],
      ['decide', -7, 5],
      ['schedule', 5, 25],
      ['start', 25, 325],
      ['ready', 325, 365],
      ['forward', 365, 415],
    ],
  );
  t.deepEqual(below.slice(1).map(({ name }) => name), [...coldStartPhases]); // prettier-ignore
});

test('the context of a wake is there from its beginning until a moment after its end, and is that of the newest wake', async (t) => {
  const { clock, tracer, spans, wake, serve } = scene();
  const news: (string | undefined)[] = [];
  spans.wakes.subscribe((key) => news.push(spans.wakes.get(key)));
  const contextOf = (span: RecordedSpan): string => `00-${span.spanContext().traceId}-${span.spanContext().spanId}-01`;
  const first = wake(0);
  t.is(spans.wakes.get(web), contextOf(first));
  serve(400);
  await clock.advance(millis(9_000));
  t.is(spans.wakes.get(web), contextOf(first));
  const second = wake(0);
  await clock.advance(millis(60_000));
  t.is(spans.wakes.get(web), contextOf(second), 'the end of the first is not that of the second');
  serve(400);
  await clock.advance(millis(10_000));
  t.is(spans.wakes.get(web), undefined);
  tracer.sampled = false;
  wake(0);
  t.is(spans.wakes.get(web), undefined, 'nobody could follow a link to what is not exported');
  t.deepEqual(news, [contextOf(first), contextOf(second), undefined]);
});

test('a wake that fails says why, and is over when the count is back at zero; one that recovers is served', async (t) => {
  const { clock, spans, wake, serve } = scene();
  const failed = wake(0);
  await clock.advance(millis(100));
  spans.happened({ type: 'wake-failed', workload: web, reason: 'quota', message: 'exceeded' });
  // Of a refused wake the count goes back to zero without a word.
  for (let tick = 0; tick < 4; tick += 1) {
    spans.decided(web, { ...holdAt(clock, { held: 0 }), to: pods(0) });
    await clock.advance(millis(2000));
  }
  t.deepEqual([failed.to, failed.failed, failed.events], [100, true, ['wake-failed']]);
  t.like(failed.attributes, { 'rouse.wake.outcome': 'failed', 'error.type': 'quota' });
  const recovered = wake(0);
  spans.happened({ type: 'wake-failed', workload: web, reason: 'crash-loop', message: 'exits' });
  spans.happened({ type: 'wake-recovered', workload: web });
  serve(400);
  t.deepEqual([recovered.failed, recovered.events, recovered.attributes['rouse.wake.outcome']], [false, ['wake-failed', 'wake-recovered'], 'served']);
});

test('a wake that nobody waits for ends when its pods were ready; one whose process ends, or whose workload goes, is abandoned', async (t) => {
  const { clock, spans, wake } = scene();
  const scheduled = wake(0);
  for (const seen of [
    { ready: pods(0), held: 0 },
    { ready: pods(1), held: 1 },
    { ready: pods(1), held: 0, inFlight: 1 },
  ]) {
    await clock.advance(millis(2000));
    spans.decided(web, holdAt(clock, seen));
  }
  for (let tick = 0; tick < 4; tick += 1) {
    await clock.advance(millis(2000));
    spans.decided(web, holdAt(clock, { ready: pods(1), held: 0 }));
  }
  t.deepEqual([scheduled.to, scheduled.attributes['rouse.wake.outcome']], [8000, 'ready']);
  const asleep = wake(0);
  spans.decided(web, decisionAt(clock, 'sleep', 'idle', 0, { held: 0 }));
  t.is(asleep.to, undefined, 'a request may come before that is written');
  spans.happened({ type: 'scaled', workload: web, from: 1, to: 0, reason: 'idle' });
  t.is(asleep.attributes['rouse.wake.outcome'], 'abandoned');
  const handedOver = wake(0);
  spans.end();
  t.is(handedOver.attributes['rouse.wake.outcome'], 'abandoned');
  const removed = wake(0);
  spans.forget(web);
  t.is(removed.attributes['rouse.wake.outcome'], 'abandoned');
  const endless = wake(0);
  await clock.advance(millis(15 * 60_000 + 1));
  spans.decided(web, holdAt(clock, { held: 3 }));
  t.is(endless.attributes['rouse.wake.outcome'], 'abandoned');
});

test('a wake goes on while its leader does not lead for a moment: it is served all the same, and abandoned where another one leads from then on', async (t) => {
  const { clock, spans, wake, serve } = scene();
  const goesOn = wake(0);
  await clock.advance(millis(1000));
  spans.stepDown();
  spans.stepDown();
  await clock.advance(millis(10_000));
  spans.decided(web, holdAt(clock, { held: 1 }));
  serve(11_000);
  t.deepEqual([goesOn.to, goesOn.attributes['rouse.wake.outcome'], goesOn.events], [11_000, 'served', ['lead-lost', 'lead-regained']]);
  const handedOver = wake(0);
  await clock.advance(millis(1000));
  spans.stepDown();
  await clock.advance(millis(30_000));
  t.deepEqual([handedOver.to, handedOver.attributes['rouse.wake.outcome'], handedOver.events], [12_000, 'abandoned', ['lead-lost']]);
  await clock.advance(millis(60_000));
  t.is(spans.wakes.get(web), undefined);
});

test('a decision that changed the count is a span with what it was made from; one that changed nothing is none', async (t) => {
  const { clock, tracer, spans } = scene();
  spans.decided(web, holdAt(clock, {}));
  const reading = { metric: 'concurrency', kind: 'value', stable: 12.5, panic: 3, age: millis(500) } as const;
  const missing = { metric: 'cpu', kind: 'no-data', age: undefined, why: 'the metrics API is away' } as const;
  spans.decided(
    web,
    decisionAt(clock, 'scale', 'metric-rise', 4, {
      ready: pods(2),
      held: 0,
      inFlight: 11,
      demands: [
        { reading, target: 3.5, stablePods: 3.6, panicPods: 0.9 },
        { reading: missing, target: 80, stablePods: 0, panicPods: 0 },
      ],
      steps: [{ step: 'rate-up', from: 9, to: 4, limit: 4 }],
    }),
  );
  await clock.advance(millis(30));
  spans.happened({ type: 'scaled', workload: web, from: 2, to: 4, reason: 'metric-rise' });
  t.is(tracer.spans.length, 1);
  const [decision] = tracer.spans;
  t.deepEqual([decision?.name, decision?.parent, decision?.from, decision?.to], ['decision', undefined, 0, 30]);
  t.deepEqual(decision?.attributes, {
    'k8s.namespace.name': 'shop',
    'rouse.workload': 'web',
    'rouse.reason': 'metric-rise',
    'rouse.replicas.from': 2,
    'rouse.replicas.to': 4,
    'rouse.decision.kind': 'scale',
    'rouse.pods.ready': 2,
    'rouse.pods.starting': 0,
    'rouse.pods.wanted': 1,
    'rouse.requests.held': 0,
    'rouse.requests.in_flight': 11,
    'rouse.panicking': false,
    'rouse.metric.concurrency.target': 3.5,
    'rouse.metric.concurrency.stable': 12.5,
    'rouse.metric.concurrency.panic': 3,
    'rouse.metric.cpu.target': 80,
    'rouse.metric.cpu.missing': 'the metrics API is away',
    'rouse.steps': ['rate-up 9 → 4 (4)'],
  });
  spans.decided(web, decisionAt(clock, 'scale', 'metric-rise', 7));
  spans.happened({ type: 'scaled', workload: web, from: 4, to: 5, reason: 'metric-rise' });
  t.false('rouse.decision.kind' in (tracer.spans[1]?.attributes ?? {}), 'the evidence of another decision is not given for it');
});

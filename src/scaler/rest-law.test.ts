import test from 'ava';
import fc from 'fast-check';
import { millis, seconds, type Report } from '../core/index.ts';
import { createWorkloadMetrics, type WorkloadMetrics } from '../metrics/index.ts';
import { hello, podOf, start, viewOf } from './testing/views.ts';
import { world, type World } from './testing/world.ts';

/** What may happen to a workload and around it, in any order. */
type Step =
  | { readonly type: 'wait'; readonly ms: number }
  | { readonly type: 'load'; readonly concurrency: number; readonly held: number }
  | { readonly type: 'by-hand'; readonly replicas: number }
  | { readonly type: 'apply'; readonly replicas: number }
  | { readonly type: 'annotate'; readonly name: string; readonly value: string | null }
  | { readonly type: 'config' | 'namespace'; readonly min: string }
  | { readonly type: 'budget'; readonly pods: string }
  | { readonly type: 'joins' | 'leaves' | 'is lost'; readonly gateway: 'a' | 'b' }
  | { readonly type: 'refusal'; readonly kind: 'conflict' | 'unavailable' }
  | { readonly type: 'poke' | 'pod' | 'term' | 'depose' | 'calm' };

const one = <T>(...values: readonly T[]): fc.Arbitrary<T> => fc.constantFrom(...values);

const settings: readonly (readonly [string, readonly (string | null)[]])[] = [
  ['min-scale', ['0', '1', null]],
  ['pause', ['up', 'true', null]],
  ['mode', ['observe', null]],
  ['policy', ['kpa', null]],
  ['schedule', ['[{from: "12:02", to: "12:04", min: 1, timezone: UTC}]', '[{from: "12:04", to: "12:06", min: 1, timezone: UTC}]']],
  ['fallback-scale', ['1', '0', null]],
  ['scale-down-delay', ['20s', null]],
  ['rps', ['10', null]],
  ['enabled', ['false', 'true']],
];

const event: fc.Arbitrary<Step> = fc.oneof(
  { weight: 2, arbitrary: fc.record({ type: one('load' as const), concurrency: one(0, 1, 90, 400), held: one(0, 0, 3) }) },
  fc.record({ type: one('by-hand' as const), replicas: one(0, 1, 3) }),
  fc.record({ type: one('apply' as const), replicas: one(0, 2) }),
  {
    weight: 4,
    arbitrary: one(...settings).chain(([name, values]) =>
      fc.record({ type: one('annotate' as const), name: fc.constant(`rouse.dev/${name}`), value: one(...values) }),
    ),
  },
  fc.record({ type: one('config' as const, 'namespace' as const), min: one('0', '1') }),
  fc.record({ type: one('budget' as const), pods: one('0', '1', '50') }),
  { weight: 2, arbitrary: fc.record({ type: one('joins' as const, 'leaves' as const, 'is lost' as const), gateway: one('a' as const, 'b' as const) }) },
  fc.record({ type: one('refusal' as const), kind: one('conflict' as const, 'unavailable' as const) }),
  { weight: 2, arbitrary: fc.record({ type: one('poke' as const, 'pod' as const, 'term' as const, 'depose' as const) }) },
);

const wait: fc.Arbitrary<Step> = fc.record({ type: one('wait' as const), ms: one(1000, 2000, 7000, 20_000, 45_000) });

/** Mostly from rest: a few events, each with some time after it. */
const steps: fc.Arbitrary<readonly Step[]> = fc
  .array(fc.tuple(fc.array(fc.tuple(event, wait), { minLength: 1, maxLength: 3 }), one(true, true, false)), { maxLength: 6 })
  .map((rounds) => rounds.flatMap(([events, rests]) => [...events.flat(), ...(rests ? [{ type: 'calm' as const }] : [])]));

const meta = { labels: {}, annotations: {}, createdAt: start, deleting: false };

/** A leader with real windows, as it is or such that it never spares a look. */
class Side {
  readonly #metrics: WorkloadMetrics;
  readonly #world: World;
  readonly #reporting = new Map<string, number>();
  readonly #load = { concurrency: 0, held: 0 };
  #version = 0;
  #term: AbortController | undefined = new AbortController();
  #ended: Promise<void>;

  private constructor(scene: World, metrics: WorkloadMetrics) {
    [this.#world, this.#metrics] = [scene, metrics];
    this.#ended = scene.scaler.lead(this.#term?.signal ?? AbortSignal.abort());
  }

  static async begin(spares: boolean): Promise<Side> {
    let metrics: WorkloadMetrics | undefined;
    const annotations = { 'rouse.dev/enabled': 'true', 'rouse.dev/window': '6s', 'rouse.dev/max-scale': '8', 'rouse.dev/manual-override': '20s' };
    const scene = await world(
      (cluster) => {
        cluster.put(viewOf({ annotations }));
      },
      {
        leads: false,
        metrics: (clock) => {
          const real = (metrics = createWorkloadMetrics({ clock, metering: () => 'full' }));
          return { observe: real.observe.bind(real), forget: real.forget.bind(real), isQuiet: (key) => spares && real.isQuiet(key) };
        },
      },
    );
    if (metrics === undefined) throw new Error('the scaler has no metrics');
    const side = new Side(scene, metrics);
    await side.take({ type: 'joins', gateway: 'a' });
    await side.take({ type: 'wait', ms: 40_000 });
    return side;
  }

  async take(step: Step): Promise<void> {
    const { clock, cluster, scaler } = this.#world;
    switch (step.type) {
      case 'wait':
        for (let passed = 0; passed < step.ms; passed += 1000) await this.#second();
        return;
      case 'load':
        Object.assign(this.#load, { concurrency: step.concurrency, held: step.held });
        return;
      case 'by-hand':
        cluster.scaleByHand(step.replicas);
        return;
      case 'apply':
        cluster.applyPastWebhook(step.replicas);
        return;
      case 'annotate':
        cluster.annotate({ [step.name]: step.value });
        return;
      case 'namespace':
        this.#setNamespace({ 'rouse.dev/min-scale': step.min });
        return;
      case 'config':
        cluster.configure({ 'min-scale': step.min });
        return;
      case 'budget':
        cluster.configure({ budget: `{pods: ${step.pods}}` });
        return;
      case 'joins':
        this.#metrics.gatewayJoined(step.gateway);
        if (!this.#reporting.has(step.gateway)) this.#reporting.set(step.gateway, 0);
        return;
      case 'leaves':
      case 'is lost':
        this.#reporting.delete(step.gateway);
        this.#metrics.gatewayLeft(step.gateway, step.type === 'leaves');
        return;
      case 'refusal':
        cluster.refusals.push(step.kind);
        return;
      case 'poke':
        this.#metrics.poke('a', { workload: hello, held: 1, oldestHeldMs: 0 });
        scaler.poke({ workload: hello, held: 1, oldestHeldMs: 0 });
        await clock.advance(millis(0));
        return;
      case 'pod':
        cluster.setPod(podOf({ name: `stranger-${this.#next()}` }));
        return;
      case 'calm':
        this.#load.concurrency = this.#load.held = cluster.refusals.length = 0;
        cluster.annotate({ ...Object.fromEntries(settings.map(([name]) => [`rouse.dev/${name}`, null])), 'rouse.dev/enabled': 'true' });
        cluster.configure({});
        this.#setNamespace({});
        await this.take({ type: 'joins', gateway: 'a' });
        if (this.#term === undefined) await this.take({ type: 'term' });
        await this.take({ type: 'wait', ms: 60_000 });
        return;
      case 'term':
        await this.take({ type: 'depose' });
        await this.take({ type: 'wait', ms: 40_000 });
        this.#term = new AbortController();
        this.#ended = scaler.lead(this.#term.signal);
        await clock.advance(millis(0));
        return;
      case 'depose':
        this.#term?.abort();
        this.#term = undefined;
        await this.#ended;
    }
  }

  /** What anybody can see of it. */
  seen(): unknown {
    const { cluster, scaler, events, kubeEvents, failures, path } = this.#world;
    const shown = scaler.decided.workloads().map(({ desired, ready, reason, next, decision }) => ({ desired, ready, reason, next, kind: decision?.kind }));
    const history = scaler.decided
      .explain('default', 'hello')
      ?.journal.map(({ since, poked, decision: { kind, to, reason } }) => ({ since, poked, kind, to, reason }));
    return { writes: cluster.writes, shown, history, events, kubeEvents, failure: failures.get(hello)?.reason, held: path.held, budget: [...scaler.budget()] };
  }

  /** Looks at the workload so far. */
  get looks(): number {
    return this.#world.scaler.decided.explain('default', 'hello')?.journal.reduce((sum, { times }) => sum + times, 0) ?? 0;
  }

  stop(): void {
    this.#term?.abort();
    this.#world.stop();
  }

  async #second(): Promise<void> {
    const { clock, cluster } = this.#world;
    await clock.advance(seconds(1));
    const { concurrency, held } = this.#load;
    const inFlight = cluster.view.specReplicas > 0 ? concurrency : 0;
    const figures = { workload: hello, averageConcurrency: concurrency + held, requestCount: concurrency, held, inFlight, inFlightByPod: {} };
    for (const [gateway, last] of this.#reporting) {
      const report: Report = { sequence: last + 1, ageMs: 0, intervalMs: 1000, workloads: concurrency + held > 0 ? [figures] : [] };
      this.#reporting.set(gateway, last + 1);
      this.#metrics.ingest(gateway, report, clock.now());
    }
  }

  #setNamespace(annotations: Readonly<Record<string, string>>): void {
    const resourceVersion = this.#next();
    const value = { ...meta, name: 'default', uid: 'n', resourceVersion, annotations, phase: 'Active' };
    this.#world.cluster.namespaces.set({ namespace: '', name: 'default', uid: 'n', resourceVersion, value });
  }

  #next(): string {
    this.#version += 1;
    return String(this.#version);
  }
}

const secondsOf = (ms: number): readonly Step[] => Array.from({ length: ms / 1000 }, () => ({ type: 'wait', ms: 1000 }));

test('whatever happens, all that can be seen of a workload is as if no look were ever spared', async (t) => {
  let [looks, wakefulLooks] = [0, 0];
  await fc.assert(
    fc.asyncProperty(steps, async (all) => {
      const [sparing, wakeful] = [await Side.begin(true), await Side.begin(false)];
      for (const each of all)
        for (const part of each.type === 'wait' ? secondsOf(each.ms) : [each]) {
          await Promise.all([sparing.take(part), wakeful.take(part)]);
          t.deepEqual(sparing.seen(), wakeful.seen(), JSON.stringify(all));
        }
      looks += sparing.looks;
      wakefulLooks += wakeful.looks;
      sparing.stop();
      wakeful.stop();
    }),
    { numRuns: 40 },
  );
  t.true(looks < wakefulLooks / 2, `${String(looks)} of ${String(wakefulLooks)} looks`);
});

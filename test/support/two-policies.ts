import { millis, pods, type Decision, type Observation, type ScaleSpec } from '../../src/core/index.ts';
import { decide, decidePoke, initialState, type DeciderState } from '../../src/decider/index.ts';
import { LoadWindow } from '../../src/metrics/index.ts';
import { at, start } from './decision-inputs.ts';

/** Load of one second: requests in the pods and held, as they are whatever pods there are; or requests that come and wait for a free pod. */
export type Load = { readonly concurrency: number } | { readonly arrivals: number; readonly serviceSeconds: number };

export interface Scene {
  readonly spec: ScaleSpec;
  readonly seconds: number;
  readonly load: (second: number) => Load;
  /** Seconds from the decision until a new pod is ready. */
  readonly podStart: number;
  /** Pods that are ready when the scene begins; 1 if left out. */
  readonly ready?: number;
  /** No more pods than these ever get ready: a quota, a full cluster. */
  readonly room?: (second: number) => number;
  /** What the observation has otherwise at this second. */
  readonly seen?: (second: number) => Partial<Observation>;
}

export interface Tick {
  readonly second: number;
  readonly desired: number;
  readonly ready: number;
  readonly stable: number;
  readonly panic: number;
  readonly held: number;
  readonly decision: Decision;
}

const tickSeconds = 2;
/** Steps of a second in which requests are worked off. */
const slices = 10;

/** Pods by the second at which they are ready, the oldest first. */
class Pods {
  #readyAt: number[];

  constructor(ready: number) {
    this.#readyAt = Array.from({ length: ready }, () => 0);
  }

  get count(): number {
    return this.#readyAt.length;
  }

  ready(second: number, room: number): number {
    return Math.min(room, this.#readyAt.filter((readyAt) => readyAt <= second).length);
  }

  /** New pods take their time; the youngest go first. */
  scale(to: number, readyAt: number): void {
    while (this.#readyAt.length < to) this.#readyAt.push(readyAt);
    this.#readyAt.length = to;
  }
}

/** Requests in the system, as a fluid: each ready pod works on so many at once. */
class Requests {
  #inSystem = 0;

  /** Mean over a second in which `arrivals` come and `capacity` can be worked on at once. */
  second(load: Load, capacity: number): number {
    if ('concurrency' in load) {
      this.#inSystem = load.concurrency;
      return load.concurrency;
    }
    let sum = 0;
    for (let slice = 0; slice < slices; slice += 1) {
      this.#inSystem += load.arrivals / slices;
      sum += this.#inSystem / slices;
      this.#inSystem -= Math.min(this.#inSystem, (Math.min(this.#inSystem, capacity) * (1 / slices)) / load.serviceSeconds);
    }
    return sum;
  }

  /** Those that no pod works on. */
  waiting(load: Load, capacity: number): number {
    return 'concurrency' in load ? 0 : Math.max(0, Math.round(this.#inSystem - capacity));
  }

  get count(): number {
    return this.#inSystem < 1e-6 ? 0 : Math.ceil(this.#inSystem);
  }
}

/** Runs a scene under one policy: the same windows and pods, a decision every two seconds, a poke where a request waits at zero. */
export const runScene = (scene: Scene, policy: ScaleSpec['policy']): readonly Tick[] => {
  const spec: ScaleSpec = { ...scene.spec, policy };
  const { stableWindow, panicWindowShare, containerConcurrency, aggregation } = spec.scaling;
  const window = new LoadWindow(stableWindow / 1000, Math.max(1, Math.round((stableWindow / 1000) * panicWindowShare)));
  const running = new Pods(scene.ready ?? 1);
  const requests = new Requests();
  const room = scene.room ?? (() => Number.POSITIVE_INFINITY);
  const perPod = containerConcurrency === 'unlimited' ? Number.POSITIVE_INFINITY : containerConcurrency;
  let state: DeciderState = initialState(spec, pods(running.count), start);
  const ticks: Tick[] = [];
  for (let second = 0; second < scene.seconds; second += 1) {
    const load = scene.load(second);
    const ready = running.ready(second, room(second));
    const capacity = ready === 0 ? 0 : ready * perPod;
    window.record(start / 1000 + second, requests.second(load, capacity));
    const averages = window.averages(start / 1000 + second, aggregation) ?? { stable: 0, panic: 0 };
    const held = requests.waiting(load, capacity);
    const observation: Observation = {
      metrics: [{ metric: spec.scaling.metrics[0]?.metric ?? 'concurrency', kind: 'value', ...averages, age: millis(500) }],
      replicas: pods(running.count),
      ready: pods(ready),
      starting: pods(running.count - ready),
      terminating: pods(0),
      held,
      inFlight: requests.count - Math.min(requests.count, held),
      warm: true,
      absentGateways: 0,
      holdReady: true,
      wasReady: true,
      override: undefined,
      ...scene.seen?.(second),
    };
    const isTick = second % tickSeconds === tickSeconds - 1;
    if (!isTick && (running.count > 0 || held === 0)) continue;
    const decided = (isTick ? decide : decidePoke)(state, observation, spec, at(second + 1));
    ({ state } = decided);
    running.scale(decided.decision.to, second + 1 + scene.podStart);
    if (isTick) ticks.push({ second: second + 1, desired: decided.decision.to, ready, ...averages, held, decision: decided.decision });
  }
  return ticks;
};

/** Counts in order, runs of one told as `count×ticks`. */
export const told = (ticks: readonly Tick[]): string => {
  const runs: [number, number][] = [];
  for (const { desired } of ticks) {
    const last = runs.at(-1);
    if (last?.[0] === desired) last[1] += 1;
    else runs.push([desired, 1]);
  }
  return runs.map(([count, times]) => (times === 1 ? String(count) : `${String(count)}×${String(times)}`)).join(' ');
};

/** Times that the count changed. */
export const changesOf = (ticks: readonly Tick[]): number => ticks.slice(1).filter(({ desired }, index) => desired !== ticks[index]?.desired).length;

/** Pods asked for, times seconds. */
export const podSeconds = (ticks: readonly Tick[]): number => ticks.reduce((sum, { desired }) => sum + desired * tickSeconds, 0);

import { type ScalingSpec } from '../../src/core/index.ts';
import { specWith } from './decision-inputs.ts';
import type { Scene } from './two-policies.ts';

const tenAtATime: Partial<ScalingSpec> = { containerConcurrency: 10 };

/** Loads that show what `rouse` mends, as docs/autoscaling.md tells them. */
export const mendScenes = {
  // 20 requests a second of half a second each are ten at once: two pods of ten, with headroom. A pod takes 20 s to start.
  'slow start': { spec: specWith(tenAtATime), seconds: 140, podStart: 20, ready: 0, load: () => ({ arrivals: 20, serviceSeconds: 0.5 }) },
  // There is room for two pods only; a burst of twenty pods is over after half a minute, what stays needs five.
  'no room': {
    spec: specWith(tenAtATime),
    seconds: 240,
    podStart: 2,
    room: () => 2,
    load: (second) => ({ concurrency: second < 10 ? 5 : second < 40 ? 200 : 30 }),
  },
  'cold burst': {
    spec: specWith(tenAtATime),
    seconds: 160,
    podStart: 20,
    ready: 0,
    load: (second) => ({ concurrency: second < 4 ? 0 : second < 44 ? 65 : 5 }),
  },
  'one at a time': { spec: specWith({ containerConcurrency: 1 }), seconds: 80, podStart: 2, load: (second) => ({ concurrency: second < 40 ? 1 : 0 }) },
  // Two pods take 140 with headroom; the load is that, give or take a twelfth, in waves of 49 s.
  'at the edge': {
    spec: specWith(),
    seconds: 600,
    podStart: 5,
    ready: 2,
    load: (second) => ({ concurrency: 140 + 12 * Math.sin((second / 49) * 2 * Math.PI) }),
  },
} satisfies Readonly<Record<string, Scene>>;

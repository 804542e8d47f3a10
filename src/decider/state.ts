import { instant, pods, type Instant, type Pods, type ScaleSpec } from '../core/index.ts';
import { noEntries, type DelayEntry } from './delay-window.ts';
import type { LatencyMemory } from './latency-memory.ts';

/** What the decider remembers of one workload between two decisions. Plain data: `JSON.parse(JSON.stringify(state))` decides the same. */
export interface DeciderState {
  readonly v: 1;
  /** When panic demand was last over the threshold; undefined while calm. */
  readonly panicSince: Instant | undefined;
  /** Highest count asked for since panic began. */
  readonly panicPeak: number;
  /** The delay window: its maximum comes first. */
  readonly delay: readonly DelayEntry[];
  /** Capacity that the last tick based its rate limits on; a poke uses it again. Undefined before the first tick. */
  readonly rateBase: number | undefined;
  /** When the workload last left zero, or was first seen above zero; undefined at zero. */
  readonly awakeSince: Instant | undefined;
  /** When a ready pod was first seen since then. */
  readonly activeSince: Instant | undefined;
  /** Since when the policy has asked for zero with no work left. */
  readonly idleSince: Instant | undefined;
  /** A fall that waits because the load is close to needing what is there (`hysteresis`): since when, and the count that was asked for last. */
  readonly fall: { readonly since: Instant; readonly to: number } | undefined;
  /** When requests were last seen held, for a stable window from there; only `rouse` asks. */
  readonly heldAt: Instant | undefined;
  /** Since when every metric has been missing. */
  readonly noDataSince: Instant | undefined;
  /** What the metric `latency` has found out (`latency-demand.ts`); left out while nothing. */
  readonly latency?: LatencyMemory;
}

/**
 * The state of a workload that has not been decided before. Under `kpa` a workload with several ready pods starts in panic, as in Knative,
 * so that a restart does not lower it for one window; under `rouse` the warm-up does that.
 */
export const initialState = (spec: Pick<ScaleSpec, 'policy'>, ready: Pods, now: Instant): DeciderState => {
  const panicking = spec.policy === 'kpa' && ready > pods(1);
  return {
    v: 1,
    panicSince: panicking ? now : undefined,
    panicPeak: panicking ? ready : 0,
    delay: noEntries,
    rateBase: undefined,
    awakeSince: undefined,
    activeSince: undefined,
    idleSince: undefined,
    fall: undefined,
    heldAt: undefined,
    noDataSince: undefined,
  };
};

/** The state with some fields changed; the same object where they are as they were, for a state lives long and mostly changes nothing. */
export const withState = (state: DeciderState, fields: Partial<DeciderState>): DeciderState => {
  // A field that JSON has left out is put in again.
  for (const name in fields) if (!(name in state) || state[name as keyof DeciderState] !== fields[name as keyof DeciderState]) return { ...state, ...fields };
  return state;
};

const calm: DeciderState = { ...initialState({ policy: 'rouse' }, pods(0), instant(0)), rateBase: 1 };

/** Workloads that sleep and remember nothing share one state. */
export const sharedAtZero = (state: DeciderState): DeciderState => {
  if (state === calm) return state;
  for (const name in state) if (state[name as keyof DeciderState] !== calm[name as keyof DeciderState]) return state;
  return calm;
};

/** True where nothing is remembered that time could change: of a workload that sleeps, from `sharedAtZero`. */
export const remembersNothing = (state: DeciderState): boolean => state === calm;

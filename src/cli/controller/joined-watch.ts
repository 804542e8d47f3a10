import type { Instant } from '../../core/index.ts';
import { watchResource, type ResourceWatch, type Selection, type Snapshot, type WatchOptions } from '../../kube/index.ts';

type JoinedWatch<V> = Pick<ResourceWatch<V>, 'snapshot' | 'run' | 'lastHeard'>;

/** One watch for each of `selections`, as one: for objects that may only be read part by part. The parts must not overlap. */
export const watchSelections = <V>(options: Omit<WatchOptions<V>, 'selection'>, selections: readonly Selection[]): JoinedWatch<V> =>
  joinWatches(selections.map((selection) => watchResource({ ...options, selection })));

/** Several watches as one. The parts must not overlap. */
export const joinWatches = <V>(parts: readonly JoinedWatch<V>[]): JoinedWatch<V> => {
  return {
    snapshot: joined(parts.map(({ snapshot }) => snapshot)),
    run: async (signal) => {
      await Promise.all(parts.map((part) => part.run(signal)));
    },
    // Of the one that is silent longest.
    lastHeard: () => leastOf(parts.map((part) => part.lastHeard())),
  };
};

const leastOf = (moments: readonly (Instant | undefined)[]): Instant | undefined => {
  let least: Instant | undefined;
  for (const moment of moments) {
    if (moment === undefined) return undefined;
    if (least === undefined || moment < least) least = moment;
  }
  return least;
};

const joined = <V>(parts: readonly Snapshot<V>[]): Snapshot<V> => {
  const [only] = parts;
  if (only !== undefined && parts.length === 1) return only;
  return {
    synced: Promise.all(parts.map(({ synced }) => synced)).then(() => undefined),
    get size() {
      return parts.reduce((sum, { size }) => sum + size, 0);
    },
    get: (key) => {
      for (const part of parts) {
        const found = part.get(key);
        if (found !== undefined) return found;
      }
      return undefined;
    },
    *values() {
      for (const part of parts) yield* part.values();
    },
    *inNamespace(namespace) {
      for (const part of parts) yield* part.inNamespace(namespace);
    },
    subscribe: (listener) => {
      const stops = parts.map((part) => part.subscribe(listener));
      return () => {
        for (const stop of stops) stop();
      };
    },
  };
};

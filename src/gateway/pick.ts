import type { Random } from '../core/index.ts';
import type { Pod } from './pod.ts';
import { warmth } from './slow-start.ts';

/** Up to this limit per pod, requests are packed onto the first pods with room, as in Knative (pkg/activator/net/lb_policy.go): at so few places per pod, packing frees whole pods for scale-in. */
const packUpTo = 3;

export const isPacked = (limit: number | undefined): boolean => limit !== undefined && limit <= packUpTo;

/** How well pod and client go together: the highest wins (rendezvous hashing), so that a pod that comes or goes moves only its share of clients. FNV-1a. */
const affinity = (client: string, pod: string): number => {
  let hash = 0x811c9dc5;
  for (const text of [client, '\n', pod]) for (let index = 0; index < text.length; index += 1) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  hash ^= hash >>> 15;
  return Math.imul(hash, 0x2c1b3c6d) >>> 0;
};

const firstWithRoom = (pods: readonly Pod[], target: string, limit: number | undefined, from: number): Pod | undefined => {
  for (let step = 0; step < pods.length; step += 1) {
    const pod = pods[(from + step) % pods.length];
    if (pod?.hasRoom(target, limit)) return pod;
  }
  return undefined;
};

/** The pod for a client that is to stay with one: its own while that has room, else the next best. */
export const pickByClient = (pods: readonly Pod[], target: string, limit: number | undefined, client: string): Pod | undefined => {
  let best: Pod | undefined;
  let bestScore = -1;
  for (const pod of pods) {
    if (!pod.hasRoom(target, limit)) continue;
    const score = affinity(client, pod.route.id);
    if (score > bestScore) [best, bestScore] = [pod, score];
  }
  return best;
};

/**
 * The pod for the next call; undefined if none has room. With a small limit per pod the first with room; else the less loaded of two chosen at
 * random (Mitzenmacher, "The Power of Two Choices in Randomized Load Balancing"), which balances nearly as well as looking at all. `now`: given while there are new pods beside
 * older ones; of two the new one is then passed over at times, but no request waits for that.
 */
export const pickPod = (pods: readonly Pod[], target: string, limit: number | undefined, random: Random, now?: number): Pod | undefined => {
  if (pods.length <= 1 || isPacked(limit)) return firstWithRoom(pods, target, limit, 0);
  const first = Math.floor(random() * pods.length);
  const second = (first + 1 + Math.floor(random() * (pods.length - 1))) % pods.length;
  const [one, other] = [pods[first], pods[second]];
  const oneFits = one?.hasRoom(target, limit) === true;
  const otherFits = other?.hasRoom(target, limit) === true;
  if (oneFits && otherFits) {
    if (now !== undefined) {
      const oneIsWarm = random() < warmth(one, now);
      if (oneIsWarm !== random() < warmth(other, now)) return oneIsWarm ? one : other;
    }
    return other.inFlight < one.inFlight ? other : one;
  }
  if (oneFits) return one;
  return otherFits ? other : firstWithRoom(pods, target, limit, first);
};

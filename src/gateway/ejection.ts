import type { EjectionReason } from './counters.ts';
import type { Pod } from './pod.ts';

/** Envoy's `consecutive_gateway_failure` (config.cluster.v3.OutlierDetection). Statuses are the program's own affair, 5xx too. */
const failuresInARow = 5;
/** The n-th time in a row lasts n times this, as Envoy's `base_ejection_time`, which is 30 s there, does: here a probe decides when it is over. */
const stepMs = 1000;
const longestMs = 30_000;
/** Each time without an ejection takes one off the count, as in Envoy. */
const forgetOneMs = 10_000;

/** One answer more that broke off. True where that makes too many in a row. */
export const isFailing = (pod: Pod): boolean => {
  pod.failures += 1;
  return pod.failures >= failuresInARow;
};

/** Counts the ejection that begins now; how long until the pod may be probed. The first time that a connection fails it is at once: a program that starts anew is soon back. */
export const pauseOf = (pod: Pod, reason: EjectionReason, now: number): number => {
  pod.ejections = Math.max(0, pod.ejections - Math.floor((now - pod.usableSince) / forgetOneMs)) + 1;
  pod.failures = 0;
  const times = reason === 'connect' ? pod.ejections - 1 : pod.ejections;
  return Math.min(longestMs, times * stepMs);
};

/** Whether no more than half of `pods` are out, `one` counted in. A pod that only seems to fail does better than one that is overrun for others that do. */
export const leavesHalf = (pods: Iterable<Pod>, one: Pod): boolean => {
  let [out, all] = [0, 0];
  for (const pod of pods) {
    if (pod.route.state === 'terminating') continue;
    all += 1;
    if (pod.suspect || pod === one) out += 1;
  }
  return out * 2 <= all;
};

import { millis, type Clock, type ScaleSpec } from '../../core/index.ts';
import type { Contestant } from './contestant.ts';
import { hpaDefaults, hpaSync, hpaSyncMs, initialHpaState, type HpaSpec } from './hpa-model.ts';
import type { VirtualCluster } from './virtual-cluster.ts';

const mostReplicas = 2 ** 31 - 1;

/** The HorizontalPodAutoscaler that somebody would write for the same aim: the same target per pod, the same bounds, never below one pod; all else as Kubernetes has it. */
export const hpaSpecOf = ({ scaling }: ScaleSpec, targetPerPod: number): HpaSpec => ({
  ...hpaDefaults,
  min: Math.max(1, scaling.min),
  max: scaling.max === 'unlimited' ? mostReplicas : Math.max(1, scaling.max),
  targetMilli: Math.max(1, Math.round(targetPerPod * 1000)),
});

/** Averages over so long: as fresh as a metrics pipeline for HPAs gets. */
const metricSeconds = 15;

/**
 * A HorizontalPodAutoscaler over a metrics adapter that is better than most: it tells each ready pod its share of all requests that are in pods or held, averaged over
 * 15 s and without delay.
 */
export const hpaContestant = (clock: Clock, cluster: VirtualCluster, spec: HpaSpec, metric: 'concurrency' | 'rps'): Contestant => {
  let state = initialHpaState;
  const seconds: number[] = [];
  const sync = (): void => {
    const { specReplicas } = cluster.workload;
    const pods = [...cluster.pods.values()];
    const ready = pods.filter((pod) => pod.ready && !pod.deleting).length;
    const mean = seconds.reduce((sum, value) => sum + value, 0) / Math.max(1, seconds.length);
    const milli = Math.round((mean * 1000) / Math.max(1, ready));
    const seen = pods.map((pod) => ({ phase: pod.deleting ? 'ignored' : pod.ready ? 'running' : 'pending', milli: pod.ready ? milli : undefined }) as const);
    const next = hpaSync(state, specReplicas, seen, spec, clock.now());
    state = next.state;
    if (next.replicas !== specReplicas) cluster.scale(next.replicas);
  };
  const timer = clock.every(millis(hpaSyncMs), sync);
  return {
    report: ({ workloads: [figures] }) => {
      seconds.push((metric === 'rps' ? figures?.requestCount : figures?.averageConcurrency) ?? 0);
      if (seconds.length > metricSeconds) seconds.shift();
    },
    poke: () => undefined,
    stop: () => {
      timer.cancel();
    },
  };
};

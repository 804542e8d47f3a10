import type { Report, WorkloadKey, WorkloadReport } from '../../../src/core/index.ts';

/** A deterministic number in [0, 1): no two runs differ. */
const spread = (a: number, b: number): number => {
  const mixed = Math.imul(a * 7919 + b * 104_729 + 12_345, 2_654_435_761) >>> 0;
  return mixed / 2 ** 32;
};

/** What one gateway says of a workload with one pod and a load that stays well under its target and is never the same twice. */
const figures = (workload: WorkloadKey, index: number, second: number, gateway: number): WorkloadReport => {
  const averageConcurrency = Math.round((4 + 8 * spread(index, second * 2 + gateway)) * 1e4) / 1e4;
  const requestCount = Math.round(averageConcurrency * 4);
  return {
    workload,
    averageConcurrency,
    requestCount,
    held: 0,
    inFlight: Math.round(averageConcurrency),
    inFlightByPod: { [`pod-uid-of-${String(index)}`]: Math.round(averageConcurrency) },
    revisions: [
      {
        revision: `revision-${String(index)}`,
        averageConcurrency,
        requestCount,
        latency: [40, requestCount - 3, 47, 2, 60, 1],
        requestBytes: 0,
        responseBytes: requestCount * 512,
      },
    ],
  };
};

/** Reports of one gateway: two seconds in turn, as they come off the link. Each is made of JSON anew, so that no string or object is shared with anything. */
export const reportsOf = (keys: readonly WorkloadKey[], gateway: number): ((sequence: number, seconds: number) => Report) => {
  const texts = [0, 1].map((second) => JSON.stringify(keys.map((key, index) => figures(key, index, second, gateway))));
  return (sequence, seconds) => ({
    sequence,
    ageMs: 0,
    intervalMs: seconds * 1000,
    workloads: JSON.parse(texts[sequence % 2] ?? '[]') as readonly WorkloadReport[],
  });
};

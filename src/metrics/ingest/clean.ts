import type { Report, WorkloadReport } from '../../core/index.ts';
import { largestSample } from '../window/load-window.ts';

/** A number that a load can be: finite, not negative, not absurdly large. */
export const isLoad = (value: number): boolean => value >= 0 && value <= largestSample;

/** False for a report whose own numbers make no sense: nothing in it can be placed. */
export const isSoundReport = ({ sequence, ageMs, intervalMs }: Report): boolean =>
  Number.isSafeInteger(sequence) && sequence >= 0 && isLoad(ageMs) && isLoad(intervalMs);

/** False for figures of one workload that no gateway can have measured. */
export const isSoundFigures = ({ averageConcurrency, requestCount, held, inFlight, inFlightByPod }: WorkloadReport): boolean => {
  if (!(isLoad(averageConcurrency) && isLoad(requestCount) && isLoad(held) && isLoad(inFlight))) return false;
  for (const pod in inFlightByPod) if (!isLoad(inFlightByPod[pod] ?? Number.NaN)) return false;
  return true;
};

import { millis } from '../core/index.ts';

/** Between two looks at every workload, in both policies. */
export const tickPeriod = millis(2000);

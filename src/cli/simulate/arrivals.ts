import { seededRandom } from '../../core/index.ts';
import { exponential } from './distributions.ts';

/** One request: when it arrives (ms after the load begins; negative in the lead-in) and how long a pod works on it. */
export interface Arrival {
  readonly at: number;
  readonly serviceMs: number;
}

/** Every contestant is given the same requests. */
export interface ArrivalOptions {
  /** Requests per second, for each second of the load. */
  readonly rates: readonly number[];
  /** So long before, the first second's rate goes on. */
  readonly leadInSeconds: number;
  readonly meanServiceMs: number;
  readonly seed: number;
}

/** A Poisson process whose rate changes at whole seconds; service times are exponential. Drawn one by one, so that a long load takes no memory. */
export function* arrivals({ rates, leadInSeconds, meanServiceMs, seed }: ArrivalOptions): Generator<Arrival, undefined> {
  const random = seededRandom(seed);
  let left = exponential(random);
  for (let second = -leadInSeconds; second < rates.length; second += 1) {
    const rate = rates[Math.max(0, second)] ?? 0;
    let from = 0;
    while (left <= rate * (1 - from)) {
      from += left / rate;
      yield { at: (second + from) * 1000, serviceMs: meanServiceMs * exponential(random) };
      left = exponential(random);
    }
    left -= rate * (1 - from);
  }
  return undefined;
}

import { viewNumbers, WindowView, type Buckets, type Unseen } from './view.ts';

export type Aggregation = 'linear' | 'weighted-exponential';

/** What became of a sample: taken; older than the stable window; or not a number that a load can be (NaN, infinite, negative, absurdly large). */
export type SampleFate = 'kept' | 'late' | 'invalid';

export interface WindowAverages {
  readonly stable: number;
  readonly panic: number;
}

/** No load is this large; what claims to be would only ruin the arithmetic of the sums. */
export const largestSample = 1e9;

/** Most seconds that a window may span (the longest legal stable window is one hour). */
export const longestWindow = 3600;

/**
 * The load of one workload in one metric: a ring of sums, one per second, and two views of it: the stable window is the whole ring, the
 * panic window its suffix. Samples of one second are added up, because the reporters are disjoint. Times are seconds since the epoch and
 * may have a fraction. Bounded: one number per second of the stable window.
 */
export class LoadWindow implements Buckets {
  /** What the two views keep, then the sums. */
  #numbers: number[];
  /** Newest second with a sample. */
  #last: number | undefined;

  constructor(stableSeconds: number, panicSeconds: number) {
    const stable = windowSize(stableSeconds);
    this.#numbers = zeros(viewsLength + stable);
    this.#begin(stable, Math.min(stable, windowSize(panicSeconds)));
  }

  get #stable(): WindowView {
    return new WindowView(this.#numbers, 0);
  }

  get #panic(): WindowView {
    return new WindowView(this.#numbers, viewNumbers);
  }

  get #length(): number {
    return this.#numbers.length - viewsLength;
  }

  get stableSeconds(): number {
    return this.#stable.size;
  }

  get panicSeconds(): number {
    return this.#panic.size;
  }

  /** Newest second with a sample; undefined before the first. */
  get newest(): number | undefined {
    return this.#last;
  }

  /** Adds `value` to the second that holds `at`. */
  record(at: number, value: number): SampleFate {
    if (!Number.isFinite(at) || !(value >= 0 && value <= largestSample)) return 'invalid';
    return this.#add(Math.floor(at), value);
  }

  /** True when there is no sample in the stable window. */
  isEmpty(now: number): boolean {
    return this.#last === undefined || this.#stable.isEmpty(Math.floor(now), this.#last);
  }

  /** Both means as Knative computes them at `now`; undefined when there is no sample in the stable window. */
  averages(now: number, aggregation: Aggregation): WindowAverages | undefined {
    const last = this.#last;
    if (last === undefined || this.isEmpty(now)) return undefined;
    const second = Math.floor(now);
    return aggregation === 'linear'
      ? { stable: this.#stable.linear(this, second, last), panic: this.#panic.linear(this, second, last) }
      : { stable: this.#stable.exponential(this, second, last), panic: this.#panic.exponential(this, second, last) };
  }

  /** Which share of each mean the newest `seconds` have: what a reporter that is so far behind would add per unit of load. */
  shares(seconds: number, aggregation: Aggregation): WindowAverages {
    const last = this.#last;
    if (last === undefined) return { stable: 0, panic: 0 };
    return aggregation === 'linear'
      ? { stable: this.#stable.linearShare(seconds, last), panic: this.#panic.linearShare(seconds, last) }
      : { stable: this.#stable.exponentialShare(seconds), panic: this.#panic.exponentialShare(seconds) };
  }

  /** Changes the lengths, keeping what both the old and the new one cover. `unseen` is `zero` for exactly Knative's averages afterwards. */
  resize(stableSeconds: number, panicSeconds: number, now: number, unseen: Unseen = 'unknown'): void {
    const stable = windowSize(stableSeconds);
    const panic = Math.min(stable, windowSize(panicSeconds));
    if (stable === this.#stable.size && panic === this.#panic.size) return;
    const last = this.#last;
    if (last === undefined) {
      this.#numbers = zeros(viewsLength + stable);
      this.#begin(stable, panic);
      return;
    }
    // Also after a silence: a view that starts afresh forgets by itself, and the other may not have changed.
    if (stable !== this.#length) this.#numbers = this.#newest(stable, last);
    this.#stable.resize(this, stable, Math.floor(now), last, unseen);
    this.#panic.resize(this, panic, Math.floor(now), last, unseen);
  }

  sum(at: number): number {
    return this.#numbers[slot(at, this.#length)] ?? 0;
  }

  #add(second: number, value: number): SampleFate {
    const size = this.#length;
    if (this.#last !== undefined && second + size <= this.#last) return 'late';
    const [stable, panic] = [this.#stable, this.#panic];
    if (this.#last === undefined || second > this.#last) this.#moveTo(second, stable, panic);
    const index = slot(second, size);
    this.#numbers[index] = (this.#numbers[index] ?? 0) + value;
    const last = this.#last ?? second;
    stable.add(second, last, value);
    panic.add(second, last, value);
    return 'kept';
  }

  #begin(stable: number, panic: number): void {
    this.#stable.begin(stable);
    this.#panic.begin(panic);
  }

  /** The views, and the newest sums in a ring of another length. */
  #newest(length: number, last: number): number[] {
    const numbers = zeros(viewsLength + length);
    for (let index = 0; index < viewsLength; index += 1) numbers[index] = this.#numbers[index] ?? 0;
    for (let back = 0; back < Math.min(length, this.#length); back += 1) numbers[slot(last - back, length)] = this.sum(last - back);
    return numbers;
  }

  #moveTo(second: number, stable: WindowView, panic: WindowView): void {
    const size = this.#length;
    const last = this.#last ?? second;
    panic.advance(this, last, second);
    stable.advance(this, last, second);
    if (second - last >= size) this.#numbers.fill(0, viewsLength);
    else for (let passed = last + 1; passed <= second; passed += 1) this.#numbers[slot(passed, size)] = 0;
    this.#last = second;
  }
}

const viewsLength = 2 * viewNumbers;

/** A plain array: a typed one takes 300 bytes more. Filled with a fraction first, so that it is one of doubles from the start and stays one. */
const zeros = (length: number): number[] => new Array<number>(length).fill(0.5).fill(0);

const windowSize = (seconds: number): number => (seconds >= 1 ? Math.min(longestWindow, Math.ceil(seconds)) : 1);

/** Where the sum of a second is. */
const slot = (second: number, length: number): number => viewsLength + (((second % length) + length) % length);

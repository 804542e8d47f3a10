import { LatencySketch, type LatencyCounts } from '../../core/index.ts';

/** Most sketches that one window keeps: of a window of more seconds each is for several. */
const mostSlots = 60;
const fraction = 0.95;

/**
 * How long the requests of one workload took, over both windows: a sketch per second (of a window over a minute: per sixtieth of it), merged when asked. Bounded: 61 sketches
 * of 0.7 KB, and none for seconds in which no request ended.
 */
export class LatencyWindow {
  readonly stableSeconds: number;
  readonly panicSeconds: number;
  readonly #slotSeconds: number;
  readonly #slots = new Map<number, LatencySketch>();
  #newest = Number.NEGATIVE_INFINITY;

  constructor(stableSeconds: number, panicSeconds: number) {
    this.stableSeconds = Math.max(1, Math.ceil(stableSeconds));
    this.panicSeconds = Math.min(this.stableSeconds, Math.max(1, Math.ceil(panicSeconds)));
    this.#slotSeconds = Math.ceil(this.stableSeconds / mostSlots);
  }

  get size(): number {
    return this.#slots.size;
  }

  /** Adds the requests that ended in the second `at`; what is older than the window counts nowhere. */
  record(at: number, counts: LatencyCounts): void {
    if (counts.length === 0) return;
    this.#slot(at).merge(counts);
  }

  /** The 95th percentile in ms over both windows that end with the second `newest`; undefined where no request ended in the stable one, and of the stable one where none did in the panic one. */
  p95(newest: number): { readonly stable: number; readonly panic: number } | undefined {
    const stable = this.#over(this.stableSeconds, newest);
    return stable === undefined ? undefined : { stable, panic: this.#over(this.panicSeconds, newest) ?? stable };
  }

  /** A window of other lengths with what both cover. */
  resized(stableSeconds: number, panicSeconds: number): LatencyWindow {
    const other = new LatencyWindow(stableSeconds, panicSeconds);
    for (const [index, sketch] of this.#slots) other.#slot(index * this.#slotSeconds).mergeSketch(sketch);
    return other;
  }

  #slot(at: number): LatencySketch {
    this.#newest = Math.max(this.#newest, at);
    const index = this.#indexOf(at);
    const known = this.#slots.get(index);
    if (known !== undefined) return known;
    const oldest = this.#indexOf(this.#newest - this.stableSeconds + 1);
    for (const old of this.#slots.keys()) if (old < oldest) this.#slots.delete(old);
    const made = new LatencySketch();
    this.#slots.set(index, made);
    return made;
  }

  /** Of a slot that the window has in part, it has all: at the least, that of the newest second. */
  #over(seconds: number, newest: number): number | undefined {
    const [from, to] = [this.#indexOf(newest - seconds + 1), this.#indexOf(newest)];
    const merged = new LatencySketch();
    for (const [index, sketch] of this.#slots) if (index >= from && index <= to) merged.mergeSketch(sketch);
    return merged.quantile(fraction);
  }

  #indexOf(second: number): number {
    return Math.floor(second / this.#slotSeconds);
  }
}

import test from 'ava';
import fc from 'fast-check';
import { LoadWindow, type Aggregation, type WindowAverages } from './load-window.ts';

// The windows against a plain one that keeps every sample and adds up anew for each question.

/** What one view knows of: seconds from `floor` on, of which the first with a sample is `first`. */
interface View {
  size: number;
  first: number | undefined;
  floor: number;
}

class PlainWindow {
  readonly sums = new Map<number, number>();
  last: number | undefined;
  readonly stable: View;
  readonly panic: View;

  constructor(stable: number, panic: number) {
    this.stable = { size: stable, first: undefined, floor: Number.NEGATIVE_INFINITY };
    this.panic = { size: Math.min(panic, stable), first: undefined, floor: Number.NEGATIVE_INFINITY };
  }

  record(second: number, value: number): boolean {
    const before = this.last;
    if (before !== undefined && second <= before - this.stable.size) return false;
    const last = Math.max(second, before ?? second);
    for (const view of [this.stable, this.panic]) {
      if (before === undefined || second - before >= view.size) view.first = undefined;
      else if (second <= last - view.size || second < view.floor) continue;
      view.first = Math.min(view.first ?? second, second);
    }
    this.sums.set(second, (this.sums.get(second) ?? 0) + value);
    this.last = last;
    return true;
  }

  isEmpty({ size, first }: View, now: number): boolean {
    return first === undefined || this.last === undefined || now - this.last > size;
  }

  mean(view: View, now: number, aggregation: Aggregation): number {
    const { size, first, floor } = view;
    const { last } = this;
    if (first === undefined || last === undefined || this.isEmpty(view, now)) return 0;
    const silent = Math.max(0, now - last);
    const smoothing = Math.max(0.2, 1 - (1 - 0.9999) ** (1 / size));
    let sum = 0;
    for (let back = 0; back < size - silent; back += 1) {
      const second = last - back;
      const value = second < floor ? 0 : (this.sums.get(second) ?? 0);
      sum += aggregation === 'linear' ? value : value * smoothing * (1 - smoothing) ** (silent + back);
    }
    if (aggregation !== 'linear') return sum;
    return silent >= size ? 0 : sum / Math.min(last - first + 1, size - silent);
  }

  averages(now: number, aggregation: Aggregation): WindowAverages | undefined {
    if (this.isEmpty(this.stable, now)) return undefined;
    return { stable: this.mean(this.stable, now, aggregation), panic: this.mean(this.panic, now, aggregation) };
  }

  resize(stable: number, panic: number, now: number, unseen: 'zero' | 'unknown'): void {
    for (const [view, size] of [
      [this.stable, stable],
      [this.panic, Math.min(panic, stable)],
    ] as const) {
      if (size === view.size) continue;
      const oldest = (this.last ?? 0) - view.size + 1;
      if (this.last === undefined) view.first = undefined;
      else if (this.isEmpty(view, now)) [view.first, view.floor] = [undefined, this.last + 1];
      else [view.first, view.floor] = [unseen === 'zero' ? oldest : Math.max(oldest, view.first ?? oldest), Math.max(view.floor, oldest)];
      view.size = size;
    }
  }
}

const close = (got: number, want: number): boolean => Math.abs(got - want) <= 2e-6 * Math.max(1, Math.abs(want));

const lengths = fc.record({ stable: fc.integer({ min: 1, max: 50 }), panic: fc.integer({ min: 1, max: 50 }) });
/** Mostly a sample a second, so that windows fill; now and then one that is late or comes after a silence. */
const sample = fc.record({
  step: fc.oneof(
    { weight: 12, arbitrary: fc.integer({ min: 0, max: 2 }) },
    { weight: 3, arbitrary: fc.integer({ min: -12, max: -1 }) },
    { weight: 1, arbitrary: fc.integer({ min: 3, max: 60 }) },
  ),
  value: fc.double({ min: 0, max: 100, noNaN: true }),
  later: fc.integer({ min: -2, max: 60 }),
});

const agree = (t: { readonly true: (ok: boolean, why: string) => unknown }, window: LoadWindow, plain: PlainWindow, now: number): void => {
  for (const aggregation of ['linear', 'weighted-exponential'] as const) {
    const [got, want] = [window.averages(now, aggregation), plain.averages(now, aggregation)];
    const why = `${aggregation} at ${String(now)}: ${JSON.stringify(got)}, not ${JSON.stringify(want)}`;
    t.true((got === undefined) === (want === undefined) && close(got?.stable ?? 0, want?.stable ?? 0) && close(got?.panic ?? 0, want?.panic ?? 0), why);
  }
};

test('whatever comes, in order, late or after a silence, both means are those of adding up anew', (t) => {
  fc.assert(
    fc.property(lengths, fc.array(sample, { minLength: 1, maxLength: 60 }), ({ stable, panic }, samples) => {
      const [window, plain] = [new LoadWindow(stable, panic), new PlainWindow(stable, panic)];
      let newest = 1000;
      for (const { step, value, later } of samples) {
        t.is(window.record(newest + step, value), plain.record(newest + step, value) ? 'kept' : 'late');
        newest = Math.max(newest, newest + step);
        t.is(window.newest, plain.last);
        t.is(window.isEmpty((plain.last ?? 0) + later), plain.isEmpty(plain.stable, (plain.last ?? 0) + later));
        agree(t, window, plain, (plain.last ?? 0) + later);
      }
    }),
    { numRuns: 200 },
  );
});

const change = fc.record({
  to: lengths,
  unseen: fc.constantFrom('zero' as const, 'unknown' as const),
  silence: fc.integer({ min: 0, max: 60 }),
  then: fc.array(sample, { maxLength: 12 }),
});

test('the same after any changes of the lengths, with what was not seen unknown or taken for zero', (t) => {
  fc.assert(
    fc.property(lengths, fc.array(sample, { maxLength: 20 }), fc.array(change, { minLength: 1, maxLength: 3 }), (before, some, changes) => {
      const [window, plain] = [new LoadWindow(before.stable, before.panic), new PlainWindow(before.stable, before.panic)];
      let newest = 1000;
      const take = (samples: typeof some): void => {
        for (const { step, value, later } of samples) {
          newest += Math.max(0, step);
          window.record(newest, value);
          plain.record(newest, value);
          agree(t, window, plain, newest + Math.max(0, later));
        }
      };
      take(some);
      for (const { to, unseen, silence, then } of changes) {
        window.resize(to.stable, to.panic, newest + silence, unseen);
        plain.resize(to.stable, to.panic, newest + silence, unseen);
        t.deepEqual([window.stableSeconds, window.panicSeconds], [to.stable, Math.min(to.panic, to.stable)]);
        agree(t, window, plain, newest + silence);
        take(then);
      }
    }),
    { numRuns: 300 },
  );
});

test('the share of the newest seconds in a mean', (t) => {
  const window = new LoadWindow(10, 4);
  for (const aggregation of ['linear', 'weighted-exponential'] as const)
    t.deepEqual(window.shares(3, aggregation), { stable: 0, panic: 0 }, 'nothing is known');
  for (let second = 1; second <= 5; second += 1) window.record(1000 + second, 1);
  t.deepEqual(window.shares(0, 'linear'), { stable: 0, panic: 0 });
  for (const aggregation of ['linear', 'weighted-exponential'] as const) t.deepEqual(window.shares(-1, aggregation), { stable: 0, panic: 0 });
  t.deepEqual(window.shares(2, 'linear'), { stable: 0.4, panic: 0.5 });
  t.deepEqual(window.shares(99, 'linear'), { stable: 1, panic: 1 });
  const smoothing = (size: number): number => Math.max(0.2, 1 - (1 - 0.9999) ** (1 / size));
  const { stable, panic } = window.shares(2, 'weighted-exponential');
  t.true(close(stable, 1 - (1 - smoothing(10)) ** 2) && close(panic, 1 - (1 - smoothing(4)) ** 2));
  t.true(close(window.shares(99, 'weighted-exponential').panic, 0.9999));
  window.resize(20, 8, 1100);
  t.deepEqual(window.shares(2, 'linear'), { stable: 0, panic: 0 }, 'nothing is known any more');
});

test('a sample as large as a load can be is taken, and so is a window as long as it can be', (t) => {
  const window = new LoadWindow(3600, 3600);
  t.is(window.record(5, 1e9), 'kept');
  t.is(window.record(5, 0), 'kept');
  t.is(window.record(5.9, 1), 'kept');
  t.deepEqual(window.averages(5, 'linear'), { stable: 1e9 + 1, panic: 1e9 + 1 });
  t.is(new LoadWindow(1, 1).stableSeconds, 1);
  t.is(new LoadWindow(1.2, 1).stableSeconds, 2);
});

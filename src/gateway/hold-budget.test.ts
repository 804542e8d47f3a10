import test from 'ava';
import fc from 'fast-check';
import { Call } from './call.ts';
import { HoldBudget, slotBytes } from './hold-budget.ts';
import { HoldQueue } from './hold-queue.ts';
import { LargestFirst, type Sized } from './largest-first.ts';
import { PushOut } from './push-out.ts';

class PlainCall extends Call {
  readonly request = undefined;
  readonly clientAddress = '';
  readonly target = 'http';
  readonly requestBytes = 0;
  readonly responseBytes = 0;
  heldBytes: number;
  constructor(slots = 1) {
    super();
    this.heldBytes = slots * slotBytes;
  }
  start(): void {
    throw new Error('not started here');
  }
  refuse(): void {
    throw new Error('not refused here');
  }
  timedOut(): void {
    throw new Error('has no limits');
  }
  cut(): void {
    throw new Error('not cut here');
  }
}

const listed = (queue: HoldQueue): readonly Call[] => {
  const calls: Call[] = [];
  for (let call = queue.first; call !== undefined; call = call.next) calls.push(call);
  return calls;
};
/** Behind those that came no later. */
const putByArrival = (calls: Call[], call: Call): Call[] => {
  const at = calls.findIndex(({ arrivedAt }) => arrivedAt > call.arrivedAt);
  calls.splice(at < 0 ? calls.length : at, 0, call);
  return calls;
};
const same = (one: readonly unknown[], other: readonly unknown[]): boolean => one.length === other.length && one.every((item, index) => item === other[index]);
const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);

test('the hold queue has the oldest first, whoever leaves it from wherever and comes back, and knows what it holds', (t) => {
  const remove = fc.record({ does: fc.constant('remove' as const), which: fc.nat({ max: 20 }) });
  const putBack = fc.record({ does: fc.constant('put back' as const), age: fc.nat({ max: 60 }) });
  const steps = fc.array(fc.oneof(fc.constant({ does: 'append' } as const), remove, putBack), { maxLength: 60 });
  fc.assert(
    fc.property(steps, (all) => {
      const queue = new HoldQueue();
      const model: Call[] = [];
      for (const [index, step] of all.entries())
        if (step.does === 'remove') {
          const [call] = model.splice(step.which % Math.max(1, model.length), 1);
          if (call !== undefined) queue.remove(call);
        } else {
          const call = Object.assign(new PlainCall(), { heldSlots: index, arrivedAt: index - (step.does === 'append' ? 0 : step.age) });
          if (step.does === 'append') queue.append(call);
          else queue.putBack(call);
          putByArrival(model, call);
        }
      return (
        same(listed(queue), model) && queue.last === model.at(-1) && queue.length === model.length && queue.size === sum(model.map((call) => call.heldSlots))
      );
    }),
  );
  t.pass();
});

test('the largest is first, however items come, change and go', (t) => {
  const steps = fc.array(fc.record({ item: fc.nat({ max: 15 }), size: fc.oneof(fc.constant(undefined), fc.integer()) }), { maxLength: 200 });
  fc.assert(
    fc.property(steps, (all) => {
      const items = Array.from({ length: 16 }, () => ({ size: 0, rank: -1 }));
      const heap = new LargestFirst<Sized>();
      for (const { item: index, size } of all) {
        const item = items[index]!;
        if (size === undefined) heap.remove(item);
        else heap.place(Object.assign(item, { size }));
        const inside = items.filter(({ rank }) => rank >= 0);
        if (heap.length !== inside.length || new Set(inside.map(({ rank }) => rank)).size !== inside.length) return false;
        if (inside.length > 0 && heap.first?.size !== Math.max(...inside.map((each) => each.size))) return false;
      }
      return true;
    }),
  );
  t.pass();
});

test('a change costs no more than a few looks for each doubling of the workloads', (t) => {
  let looks = 0;
  class Counting implements Sized {
    rank = -1;
    value: number;
    constructor(value: number) {
      this.value = value;
    }
    get size(): number {
      looks += 1;
      return this.value;
    }
  }
  const heap = new LargestFirst<Counting>();
  const items = Array.from({ length: 4096 }, (_, index) => new Counting((index * 7919) % 4096));
  let most = 0;
  const counted = (change: () => void): void => {
    looks = 0;
    change();
    most = Math.max(most, looks);
  };
  for (const item of items) counted(() => heap.place(item));
  for (const [index, item] of items.entries())
    counted(() => (index % 3 === 0 ? heap.remove(item) : heap.place(Object.assign(item, { value: (index * 104_729) % 5000 }))));
  t.true(most <= 6 * Math.log2(4096), `${most} looks`);
});

type Step = { readonly does: 'enter' | 'reenter' | 'review' | 'leave'; readonly workload: number; readonly which: number; readonly slots: number };
const anyStep: fc.Arbitrary<Step> = fc.record({
  does: fc.oneof({ weight: 6, arbitrary: fc.constant('enter' as const) }, fc.constantFrom('reenter' as const, 'review' as const, 'leave' as const)),
  workload: fc.nat({ max: 5 }),
  which: fc.nat({ max: 50 }),
  slots: fc.oneof({ weight: 3, arbitrary: fc.constant(1) }, fc.integer({ min: 1, max: 9 }), fc.double({ min: 0, max: 3, noNaN: true })),
});

/** One step by the budget; what it did, and what a call that had to go had to do with its workload. */
const takeStep = (budget: HoldBudget, queues: readonly HoldQueue[], { does, workload, which, slots }: Step): string | undefined => {
  const queue = queues[workload]!;
  const before = queues.map(listed);
  const sizes = queues.map(({ size }) => size);
  const known = before[workload]!;
  if (does === 'leave' || does === 'review') {
    const call = known[which % Math.max(1, known.length)];
    if (!(call instanceof PlainCall)) return undefined;
    if (does === 'leave') {
      budget.leave(queue, call);
      return same(
        listed(queue),
        known.filter((each) => each !== call),
      )
        ? undefined
        : 'another one left';
    }
    call.heldBytes = slots * slotBytes;
    sizes[workload]! += Math.max(1, Math.ceil(slots)) - call.heldSlots;
    return judge(queues, before, sizes, budget.review(queue, call), budget.slots);
  }
  const last = known.at(-1)?.arrivedAt ?? 0;
  const call = Object.assign(new PlainCall(slots), { arrivedAt: does === 'enter' ? last + 1 : last - which });
  sizes[workload]! += Math.max(1, Math.ceil(slots));
  const out = budget[does](queue, call);
  before[workload] = putByArrival([...known], call);
  return judge(queues, before, sizes, out ?? [call], budget.slots);
};

const judge = (
  queues: readonly HoldQueue[],
  before: readonly (readonly Call[])[],
  sizes: readonly number[],
  out: readonly Call[],
  slots: number,
): string | undefined => {
  const waiting = before.filter((calls) => calls.length > 0).length;
  for (const [index, queue] of queues.entries()) {
    const left = listed(queue);
    if (!same(left, before[index]!.slice(0, left.length))) return 'the order changed, or someone went who was not the newest';
    const gone = before[index]!.slice(left.length);
    if (!gone.every((call) => out.includes(call) && call.heldSlots === 0)) return 'someone went and was not named';
    if (gone.length > 0 && sizes[index]! <= slots / waiting) return `a workload with ${sizes[index]!} slots of ${slots} lost a call, with ${waiting} waiting`;
  }
  const went = sum(before.map((calls) => calls.length)) - sum(queues.map(({ length }) => length));
  if (went !== out.length) return 'someone was named and did not go';
  return out.length > 0 && sum(sizes) <= slots ? 'someone went though there was room' : undefined;
};

test('whatever comes: the budget is never exceeded, only the newest go, and none of a workload that holds no more than its share', (t) => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 40 }), fc.array(anyStep, { maxLength: 150 }), (slots, steps) => {
      const budget = new HoldBudget(slots);
      const queues = Array.from({ length: 6 }, () => new HoldQueue());
      for (const step of steps) {
        const problem = takeStep(budget, queues, step);
        if (problem !== undefined) throw new Error(problem);
        const calls = queues.flatMap(listed);
        const used = sum(calls.map(({ heldSlots }) => heldSlots));
        if (used !== budget.used || used !== sum(queues.map(({ size }) => size))) throw new Error('the books do not add up');
        if (used > slots || calls.length > slots || sum(calls.map(({ heldBytes }) => heldBytes)) > slots * slotBytes) throw new Error('exceeded');
      }
    }),
    { numRuns: 1000 },
  );
  t.pass();
});

/** Max-min fair: nobody gets more than asked, and what is over goes to whoever asks for more, in equal parts. */
const fairShares = (slots: number, wanted: readonly number[]): readonly number[] => {
  const shares = wanted.map(() => 0);
  let left = slots;
  const open = [...wanted.keys()].sort((one, other) => wanted[one]! - wanted[other]!);
  for (const [taken, index] of open.entries()) {
    const share = Math.min(wanted[index]!, left / (open.length - taken));
    shares[index] = share;
    left -= share;
  }
  return shares;
};

test('where each asks again and again, what each holds becomes the max-min fair share, to one call', (t) => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 60 }), fc.array(fc.nat({ max: 60 }), { minLength: 1, maxLength: 8 }), fc.nat(), (slots, wanted, from) => {
      const budget = new HoldBudget(slots);
      const queues = wanted.map(() => new HoldQueue());
      for (let round = 0; round < 3 * slots; round += 1)
        for (let step = 0; step < wanted.length; step += 1) {
          const index = (from + step) % wanted.length;
          if (queues[index]!.length < wanted[index]!) budget.enter(queues[index]!, new PlainCall());
        }
      return fairShares(slots, wanted).every((share, index) => Math.abs(queues[index]!.length - share) < 1 + 1e-9);
    }),
  );
  t.pass();
});

test('one floods with 12,000, and of 49 quiet ones none is refused; what the flood gives up it gives up from its end', (t) => {
  const budget = new HoldBudget();
  const flood = new HoldQueue();
  const quiet = Array.from({ length: 49 }, () => new HoldQueue());
  const first = Array.from({ length: 12_000 }, () => new PlainCall());
  const refused = first.filter((call) => budget.enter(flood, call) === undefined);
  t.deepEqual([flood.length, refused.length], [10_000, 2000]);
  const pushedOut: Call[] = [];
  for (const [index, queue] of quiet.entries())
    for (let count = 0; count <= index % 20; count += 1) {
      const out = budget.enter(queue, new PlainCall());
      t.is(out?.length, 1);
      pushedOut.push(...out!);
      t.is(budget.enter(flood, new PlainCall()), undefined);
    }
  const expected = sum(quiet.map((_, index) => (index % 20) + 1));
  t.is(sum(quiet.map(({ length }) => length)), expected);
  t.is(flood.length, 10_000 - expected);
  t.true(same(pushedOut, first.slice(10_000 - expected, 10_000).reverse()));
});

test('where all hold the same, a newcomer goes, and nobody for it', (t) => {
  const budget = new HoldBudget(12);
  const queues = Array.from({ length: 4 }, () => new HoldQueue());
  for (const queue of queues) for (let count = 0; count < 3; count += 1) budget.enter(queue, new PlainCall());
  budget.leave(queues[0]!, queues[0]!.first!);
  t.deepEqual(budget.enter(queues[0]!, new PlainCall()), []);
  for (const queue of [...queues, new HoldQueue()]) t.is(budget.enter(queue, new PlainCall(queue.length === 0 ? 3 : 1)), undefined);
  t.deepEqual(
    queues.map(({ length }) => length),
    [3, 3, 3, 3],
  );
});

test('a call takes a slot, and one more for each further 16 KiB that it begins; one that had to go gives back nothing twice', (t) => {
  const budget = new HoldBudget(10);
  const queue = new HoldQueue();
  const taken = [0, 1, slotBytes, slotBytes + 1, 2 * slotBytes + 1].map((bytes) => {
    const before = budget.used;
    budget.enter(queue, Object.assign(new PlainCall(), { heldBytes: bytes }));
    return budget.used - before;
  });
  t.deepEqual(taken, [1, 1, 1, 2, 3]);
  const last = queue.last!;
  t.deepEqual(budget.review(queue, Object.assign(last, { heldBytes: 6 * slotBytes })), [last]);
  budget.leave(queue, last);
  t.deepEqual([budget.used, queue.size, queue.length], [5, 5, 4]);
});

test('a large newcomer that would have to go in the end pushes nobody out before', (t) => {
  const budget = new HoldBudget(12);
  const [small, large] = [new HoldQueue(), new HoldQueue()];
  const calls = Array.from({ length: 10 }, () => new PlainCall());
  for (const call of calls) budget.enter(small, call);
  t.is(budget.enter(large, new PlainCall(8)), undefined);
  t.true(same(listed(small), calls));
  t.deepEqual([budget.used, small.size, large.size], [10, 10, 0]);
});

test('a call that pushes out one whose answer lets another in, and so on, takes no deeper a stack for it', (t) => {
  const pushOut = new PushOut();
  const calls = Array.from({ length: 100_000 }, () => new PlainCall());
  let told = 0;
  for (const [index, call] of calls.entries())
    Object.assign(call, {
      progress: {
        pushedOut: () => {
          told += 1;
          const next = calls[index + 1];
          if (next !== undefined) pushOut.tell([next]);
        },
      },
    });
  pushOut.tell([calls[0]!]);
  t.is(told, 100_000);
});

import test from 'ava';
import type { Clock } from '../../core/index.ts';
import { preferredNodes, type PreferredNode } from './preferred-nodes.ts';

/** One pod after the other, each beginning where it is its turn. */
class PreferredNodes {
  readonly #clock: Pick<Clock, 'monotonic'>;
  #from = 0;

  constructor(clock: Pick<Clock, 'monotonic'>) {
    this.#clock = clock;
  }

  of(...[names, judge]: [Parameters<typeof preferredNodes>[1], Parameters<typeof preferredNodes>[2]]): readonly PreferredNode[] {
    const { nodes, next } = preferredNodes(this.#clock, names, judge, this.#from);
    this.#from = next;
    return nodes;
  }
}

const names = (count: number): readonly string[] => Array.from({ length: count }, (_, index) => `n${String(index)}`);
const standing = { monotonic: () => 0 };

test('of many nodes that are as good, each pod prefers others', (t) => {
  const preferred = new PreferredNodes(standing);
  const score = (name: string): number => (Number(name.slice(1)) < 40 ? 8 : 3);
  const seen = new Set<string>();
  for (let pod = 0; pod < 100; pod += 1) {
    const best = preferred.of(names(100), (some) => some.map(score));
    t.is(best.length, 16);
    t.true(best.every((each) => each.score === 8));
    for (const { name } of best) seen.add(name);
  }
  t.is(seen.size, 40);
});

test('without nodes, or where all are as good, nothing is preferred, and a node that is worth nothing never is', (t) => {
  const preferred = new PreferredNodes(standing);
  t.deepEqual(
    preferred.of([], () => []),
    [],
  );
  t.deepEqual(
    preferred.of(names(3), (some) => some.map(() => 4)),
    [],
  );
  t.deepEqual(
    preferred.of(names(3), (some) => some.map((name) => (name === 'n1' ? 0 : undefined))),
    [],
  );
  t.deepEqual(
    preferred.of(names(3), (some) => some.map((name) => (name === 'n1' ? 7 : 0))),
    [{ name: 'n1', score: 7 }],
  );
});

test('after 5 ms the best of the nodes seen so far are preferred, and the next pod sees the others', (t) => {
  let now = 0;
  const preferred = new PreferredNodes({ monotonic: () => now });
  const all = names(2_000);
  const asked: (readonly string[])[] = [];
  const judge = (some: readonly string[]): readonly number[] => {
    asked.push(some);
    now += 3;
    return some.map((name) => (name === 'n1999' ? 10 : Number(name.slice(1)) % 7));
  };
  t.true(preferred.of(all, judge).every(({ score }) => score === 6));
  t.is(asked.length, 2, 'not more than it takes to see that the time is over');
  const [first] = asked.flat();
  t.is(first, 'n0');
  for (let pod = 0; pod < 3; pod += 1) preferred.of(all, judge);
  t.is(new Set(asked.flat()).size, 2_000, 'four pods have seen them all');
});

import test from 'ava';
import fc from 'fast-check';
import { permitEvents, PermitWorld } from './testing/permit-world.ts';

const sum = (numbers: readonly number[]): number => numbers.reduce((total, each) => total + each, 0);
const spread = (numbers: readonly number[]): number => Math.max(...numbers) - Math.min(...numbers);

/** All places are given out, evenly. */
const isEven = (world: PermitWorld): boolean => {
  const shares = world.shares();
  if (shares.length === 0 || world.gateways.length === 0) return true;
  const totals = world.gateways.map((_gateway, index) => sum(shares.map((ofPod) => ofPod[index] ?? 0)));
  return shares.every((ofPod) => sum(ofPod) === world.limit && spread(ofPod) <= 1) && spread(totals) <= 1;
};

const begin = (world: PermitWorld, gateways: number, pods: number): void => {
  for (let each = 0; each < gateways; each += 1) world.act('gateway');
  for (let each = 0; each < pods; each += 1) world.act('pod');
  for (let each = 0; each < gateways; each += 1) world.act('link', each);
};

test('whatever happens to gateways, controllers, pods and messages, no pod has more requests than its limit; and when all is quiet every place is given out, evenly', (t) => {
  const anEvent = fc.tuple(fc.constantFrom(...permitEvents), fc.nat(30), fc.nat(30), fc.integer({ min: 0, max: 2 }));
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 7 }), fc.array(anEvent, { minLength: 20, maxLength: 200 }), (limit, events) => {
      const world = new PermitWorld(limit);
      begin(world, 2, 2);
      for (const [event, one, other, prompt] of events) world.act(event, one, other, prompt > 0);
      world.settle();
      if (world.excess !== undefined) throw new Error(world.excess);
      if (!isEven(world)) throw new Error(`not even: ${JSON.stringify(world.shares())}`);
    }),
    { numRuns: 800 },
  );
  t.pass();
});

test('also while the limit changes: never more than the highest that some gateway may still go by', (t) => {
  const anEvent = fc.tuple(fc.constantFrom(...permitEvents, 'limit', 'limit'), fc.nat(30), fc.nat(6), fc.integer({ min: 0, max: 2 }));
  fc.assert(
    fc.property(fc.array(anEvent, { minLength: 20, maxLength: 100 }), (events) => {
      const world = new PermitWorld(4);
      begin(world, 2, 2);
      for (const [event, one, other, prompt] of events) world.act(event, one, other, prompt > 0);
      world.settle();
      if (world.excess !== undefined) throw new Error(world.excess);
      if (!isEven(world)) throw new Error(`not even: ${JSON.stringify(world.shares())}`);
    }),
    { numRuns: 300 },
  );
  t.pass();
});

/** Two gateways, linked, with one pod; every message has arrived. */
const settled = (limit: number, pods = 1): PermitWorld => {
  const world = new PermitWorld(limit);
  begin(world, 2, pods);
  world.settle();
  return world;
};

/** All that is under way to and from these arrives. */
const arrive = (world: PermitWorld, ...gateways: readonly number[]): void => {
  for (let round = 0; round < 5; round += 1)
    for (const gateway of gateways) {
      world.act('hear', gateway);
      world.act('deliver', gateway);
    }
};

test('a place that is in use moves when its request has ended, not before', (t) => {
  const world = settled(3);
  t.deepEqual(world.shares(), [[2, 1]]);
  world.act('begin', 0);
  world.act('gateway');
  world.act('link', 2);
  arrive(world, 0, 1, 2);
  t.deepEqual(world.shares(), [[1, 1, 0]], 'the first is told to give one up, has two requests, and nobody has it yet');
  world.act('end', 0);
  arrive(world, 0, 1, 2);
  t.deepEqual(world.shares(), [[1, 1, 1]]);
});

test('with no controller the split stands; the next leader learns it from each gateway before it gives anything out', (t) => {
  const world = settled(4);
  world.act('next leader');
  world.act('pod');
  t.deepEqual(world.shares(), [
    [2, 2],
    [0, 0],
  ]);
  world.act('link', 0);
  arrive(world, 0);
  t.deepEqual(
    world.shares(),
    [
      [2, 2],
      [4, 0],
    ],
    'one that is there and has not linked may have anything of the pod of before, and nothing of the new one',
  );
  world.act('link', 1);
  arrive(world, 1, 0, 1);
  t.deepEqual(world.shares(), [
    [2, 2],
    [2, 2],
  ]);
});

test('what a gateway has stays its own also where it is lost before it has said anything to the next leader', (t) => {
  const world = settled(1);
  t.deepEqual(world.shares(), [[1, 0]]);
  world.act('next leader');
  world.act('link', 0);
  world.act('link', 1);
  world.act('lose', 0);
  arrive(world, 1);
  t.deepEqual(world.shares(), [[1, 0]]);
  t.is(world.excess, undefined);
  world.act('crash', 0);
  world.act('notice');
  world.act('time');
  arrive(world, 0);
  t.deepEqual(world.shares(), [[1]], 'it has ended');
});

test('what a lost gateway has stays its own until it is known to have ended', (t) => {
  const world = settled(4);
  world.act('crash', 1);
  arrive(world, 0);
  world.act('time', 0, 100);
  arrive(world, 0);
  t.deepEqual(world.shares(), [[2]]);
  world.act('notice');
  arrive(world, 0);
  t.deepEqual(world.shares(), [[4]]);
});

/** The first has six of the eight places. */
const uneven = (): PermitWorld => {
  const world = settled(8);
  world.act('held', 0);
  arrive(world, 0, 1);
  return world;
};

test('a pod that comes back to the routes still has what was in it', (t) => {
  const world = uneven();
  world.act('begin', 0);
  world.act('time', 0, 100);
  world.act('routed');
  arrive(world, 0, 1);
  world.act('routed');
  arrive(world, 1, 0, 1);
  t.deepEqual(world.shares(), [[4, 2]], 'six requests of the first are there');
  t.is(world.excess, undefined);
});

test('the next leader takes nothing for free that a gateway has kept', (t) => {
  const world = uneven();
  world.act('next leader');
  for (const gateway of [0, 1]) world.act('link', gateway);
  for (const gateway of [0, 1]) for (const event of ['hear', 'deliver']) world.act(event, gateway);
  arrive(world, 1);
  t.deepEqual(world.shares(), [[6, 2]]);
  arrive(world, 0, 1);
  t.deepEqual(world.shares(), [[4, 4]]);
  t.is(world.excess, undefined);
});

test('where there are fewer places than gateways, whoever has requests gets one: at once from an idle one, in turns from a busy one', (t) => {
  const world = settled(1);
  t.deepEqual(world.shares(), [[1, 0]]);
  world.act('held', 1);
  arrive(world, 0, 1);
  t.deepEqual(world.shares(), [[0, 1]]);
  const turns: number[] = [];
  for (let second = 0; second < 8; second += 1) {
    for (const gateway of [0, 1]) world.act('held', gateway);
    world.act('time', 0, 8);
    arrive(world, 0, 1);
    turns.push(world.shares()[0]?.indexOf(1) ?? -1);
  }
  t.true(turns.filter((turn) => turn === 0).length >= 3 && turns.filter((turn) => turn === 1).length >= 3, JSON.stringify(turns));
});

test('a gateway with requests that wait gets the larger part, and all is even again when it has none', (t) => {
  const world = settled(8, 2);
  world.act('held', 0);
  arrive(world, 0, 1);
  t.deepEqual(world.shares(), [
    [6, 2],
    [6, 2],
  ]);
  world.act('time', 0, 100);
  arrive(world, 0, 1);
  t.deepEqual(world.shares(), [
    [4, 4],
    [4, 4],
  ]);
});

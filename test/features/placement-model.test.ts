import test from 'ava';
import fc from 'fast-check';
import { seededRandom } from '../../src/core/index.ts';
import { balancedAllocation, defaultScores, imageLocality, leastAllocated, topologySpread } from '../bench/placement/default-scheduler.ts';
import { makeLoad, type Workload } from '../bench/placement/load.ts';
import { Machine, type SimulatedPod } from '../bench/placement/machine.ts';
import { ours } from '../bench/placement/ours.ts';
import { defaults } from '../bench/placement/settings.ts';
import { SharedWork } from '../bench/placement/shared-work.ts';
import { simulate, type ContestantName } from '../bench/placement/simulation.ts';
import { Starts } from '../bench/placement/starts.ts';
import { stock } from '../bench/placement/stock.ts';

/** What `npm run bench -- placement` rests on. */

test('the stock plugins give what they give upstream', (t) => {
  // least_allocated_test.go: "nothing scheduled, resources requested, differently sized nodes".
  t.is(leastAllocated({ requested: 3000, allocatable: 4000 }, { requested: 5000, allocatable: 10_000 }), 37);
  t.is(leastAllocated({ requested: 3000, allocatable: 6000 }, { requested: 5000, allocatable: 10_000 }), 50);
  t.is(leastAllocated({ requested: 9, allocatable: 10 }, { requested: 9, allocatable: 10 }), 10);
  t.is(balancedAllocation([0.5, 0.5], [0.75, 0.75]), 75);
  // 100 before, 87 after.
  t.is(balancedAllocation([0, 0], [0.75, 0.5]), 68);
  t.is(balancedAllocation([0.5, 0.25], [0.5, 0.5]), 81);
  const MB = 1024 * 1024;
  t.is(imageLocality(1000 * MB, 2, 4), 48);
  t.is(imageLocality(400 * MB, 5, 100), 0);
  t.is(imageLocality(2000 * MB, 4, 4), 100);
});

test('an empty cluster is spread over alike; one pod makes its node half as good as others, and its zone a little worse', (t) => {
  const counts = (onNode: number, inZone: number): { onNode: number; inZone: number } => ({ onNode, inZone });
  const elsewhere = Array.from({ length: 98 }, () => counts(0, 0));
  t.deepEqual([...new Set(topologySpread([counts(0, 0), counts(0, 0), ...elsewhere], 3))], [100]);
  t.deepEqual([...new Set(topologySpread([counts(1, 1), counts(0, 1), ...elsewhere], 3))], [50, 83, 100]);
});

test('work that shares is done when its share is, however often one looks', (t) => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(50), fc.integer({ min: 1, max: 100 })), { minLength: 1, maxLength: 8 }), fc.array(fc.nat(400)), (jobs, looks) => {
      const play = (extra: readonly number[]): readonly number[] => {
        const work: SharedWork<object> = new SharedWork(() => 2 / work.size);
        const ends = jobs.map(() => 0);
        const times = [...new Set([...jobs.map(([at]) => at), ...extra])].sort((one, other) => one - other);
        const passUntil = (at: number): void => {
          while (work.nextAt <= at) {
            work.advance(work.nextAt);
            work.refresh();
          }
        };
        for (const time of times) {
          passUntil(time);
          work.advance(time);
          for (const [index, [at, amount]] of jobs.entries()) if (at === time) work.add({}, amount, () => (ends[index] = work.at));
          work.refresh();
        }
        passUntil(Number.MAX_VALUE);
        return ends;
      };
      const ends = play([]);
      for (const [index, end] of play(looks).entries()) if (Math.abs(end - ends[index]!) > 0.1) return false;
      // Never idle while there is something to do: all of it alone takes half as many ms as it is.
      const total = jobs.reduce((sum, [, amount]) => sum + amount, 0);
      return Math.max(...ends) >= total / 2 - 0.1 && Math.max(...ends) <= 50 + total / 2 + 0.1;
    }),
    { numRuns: 50 },
  );
  t.pass();
});

const settings = { ...defaults, sandboxMs: 0, machineBandwidth: 100, registryBandwidth: 150 };
const workload: Workload = { index: 0, cpu: 1, memory: 1, imageBytes: 1000, startWork: 200 };
const podOf = (name: string, more: Partial<SimulatedPod> = {}): SimulatedPod => ({
  uid: name,
  name,
  workload,
  revision: 1,
  image: 'app',
  createdAt: 0,
  isWake: true,
  machine: undefined,
  isReady: false,
  readyAt: 0,
  ...more,
});

/** When each pod is ready that begins at once on its machine. */
const readyTimes = (placed: readonly (readonly [SimulatedPod, Machine])[]): { readonly times: Readonly<Record<string, number>>; readonly pulled: number } => {
  const times: Record<string, number> = {};
  let time = 0;
  const starts = new Starts({
    settings,
    work: (pod) => pod.workload.startWork,
    imagesChanged: () => undefined,
    ready: ({ name }) => (times[name] = Math.round(time)),
  });
  for (const [pod, machine] of placed) {
    Object.assign(pod, { machine });
    machine.add(pod);
    starts.begin(pod, machine);
  }
  starts.refresh();
  while (Number.isFinite(starts.nextAt)) {
    time = starts.nextAt;
    starts.advance(time);
    starts.refresh();
  }
  return { times, pulled: starts.pulled };
};

test('an image comes once to a machine, pulls share what there is, and slow machines are slow', (t) => {
  const machine = (slowness = 1): Machine => new Machine(settings, 0, 'm', slowness);
  t.deepEqual(readyTimes([[podOf('a'), machine()]]), { times: { a: 110 }, pulled: 1 });
  const one = machine();
  t.deepEqual(
    readyTimes([
      [podOf('a'), one],
      [podOf('b'), one],
    ]),
    { times: { a: 110, b: 110 }, pulled: 1 },
  );
  t.deepEqual(readyTimes([[podOf('c'), one]]), { times: { c: 100 }, pulled: 0 });
  t.deepEqual(
    readyTimes([
      [podOf('a'), machine()],
      [podOf('b'), machine()],
    ]).times,
    { a: 113, b: 113 },
  );
  const slow = machine(3);
  slow.use('app', 1000);
  t.deepEqual(readyTimes([[podOf('a'), slow]]).times, { a: 300 });
});

test('starts at the same time slow each other once the machine has no cores left for them', (t) => {
  const machine = new Machine(settings, 0, 'm', 1);
  machine.use('app', 1000);
  const pods = Array.from({ length: 8 }, (_, index) => [podOf(`p${index}`), machine] as const);
  t.deepEqual([...new Set(Object.values(readyTimes(pods).times))], [200]);
});

test('the ReplicaSet controller takes what is not ready, then the doubled up, then the youngest', (t) => {
  let time = 0;
  const order = stock(() => time, seededRandom(1));
  const [one, other] = [new Machine(settings, 0, 'm0', 1), new Machine(settings, 1, 'm1', 1)];
  const ready = { isReady: true } as const;
  const pods = [
    podOf('old', { ...ready, machine: one, readyAt: 0 }),
    podOf('alone', { ...ready, machine: other, readyAt: 900_000 }),
    podOf('doubled', { ...ready, machine: one, readyAt: 950_000 }),
    podOf('starting', { machine: other }),
  ];
  time = 1_000_000;
  t.deepEqual(
    order.leaving(pods.slice(0, 3), 2).map(({ name }) => name),
    ['doubled', 'old'],
  );
  t.is(order.leaving(pods, 1)[0]?.name, 'starting');
});

interface Nine {
  readonly policy: 'warm' | 'spread' | 'pack';
  /** Each when the one before is ready; else all at once. */
  readonly oneByOne: boolean;
  /** Other pods are on two of the three. */
  readonly uneven: boolean;
  /** Nodes beside the three, without the image. */
  readonly cold: number;
}

/** How many of nine pods each node gets, of three that have their image and some that have not, by the stock scheduler with ours beside it. */
const nineOn = async ({ policy, oneByOne, uneven, cold }: Nine): Promise<readonly number[]> => {
  const [app, other] = [
    { ...workload, cpu: 0.5, memory: 2 ** 29, imageBytes: 250e6, startWork: 5_000 },
    { ...workload, index: 1, cpu: 3 },
  ];
  const [image, revision] = ['registry.test/app-0:1', 1];
  let time = 0;
  const contestant = await ours(policy, defaults, [app, other], () => time);
  const machines = Array.from({ length: 3 + cold }, (_, slot) => new Machine(defaults, slot, `m${slot}`, 1));
  const starts = new Starts({
    settings: defaults,
    work: (pod) => pod.workload.startWork,
    imagesChanged: (machine) => {
      contestant.machineChanged(machine);
    },
    ready: (pod) => {
      contestant.ready(Object.assign(pod, { isReady: true, readyAt: time }));
    },
  });
  const put = (pod: SimulatedPod, machine: Machine): void => {
    machine.add(Object.assign(pod, { machine }));
    contestant.bound(pod);
    starts.begin(pod, machine);
    starts.refresh();
  };
  const untilReady = (): void => {
    while (Number.isFinite(starts.nextAt)) {
      time = starts.nextAt;
      starts.advance(time);
      starts.refresh();
    }
  };
  for (const [slot, machine] of machines.entries()) {
    if (slot < 3) machine.use(image, app.imageBytes);
    contestant.machineChanged(machine);
  }
  if (uneven) for (const slot of [0, 1]) put(podOf(`other-${slot}`, { workload: other }), machines[slot]!);
  untilReady();
  for (let index = 0; index < 9; index += 1) {
    const pod = podOf(`p${index}`, { workload: app, revision, image, createdAt: time });
    const added = contestant.scores(pod, machines);
    const totals = defaultScores(pod, machines, machines, defaults).map((score, at) => score + added[at]!);
    put(pod, machines[totals.indexOf(Math.max(...totals))]!);
    if (oneByOne) untilReady();
  }
  return machines.map(({ pods }) => [...pods].filter((pod) => pod.workload === app).length);
};

test('of nine pods spread never puts more on a node than it must, nor than another policy does', async (t) => {
  for (const cold of [0, 7])
    for (const oneByOne of [false, true])
      for (const uneven of [false, true]) {
        const scene = { cold, oneByOne, uneven };
        const most = async (policy: Nine['policy']): Promise<number> => Math.max(...(await nineOn({ ...scene, policy })));
        const [spread, warm, pack] = [await most('spread'), await most('warm'), await most('pack')];
        t.is(spread, Math.ceil(9 / (3 + cold)), JSON.stringify(scene));
        t.true(spread <= warm && warm <= pack, `${JSON.stringify(scene)}: ${spread}, ${warm}, ${pack}`);
        if (cold > 0) t.true(spread < warm, 'warm keeps to where the image is');
      }
});

const small = { ...defaults, machines: 12, workloads: 25, horizonMs: 40 * 60_000, warmUpMs: 5 * 60_000 };
for (const name of ['default', 'warm', 'pack'] as const satisfies readonly ContestantName[])
  test(`${name}: the same seed gives the same figures, no start is quicker than it can be, and machines are counted as they are there`, async (t) => {
    const play = (seed: number): ReturnType<typeof simulate> => simulate(small, makeLoad(small, seed), seed, name);
    const figures = await play(3);
    t.deepEqual(await play(3), figures);
    t.notDeepEqual(await play(4), figures);
    t.true(figures.starts.length > 20);
    for (const [index, ms] of figures.starts.entries()) t.true(ms >= figures.floors[index]! - 0.01);
    t.true(figures.nodeHours > 0 && figures.nodeHours <= figures.paidHours);
    t.true(figures.paidHours <= (small.machines * (small.horizonMs - small.warmUpMs)) / 3_600_000 + 1e-9);
  });

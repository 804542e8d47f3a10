import type { ServerResponse } from 'node:http';
import test, { type ExecutionContext } from 'ava';
import { podAt, startOrigin, startRig, until, type Rig } from '../../test/support/gateway-rig.ts';
import type { PodRoute } from '../core/index.ts';

interface Scene {
  readonly rig: Rig;
  /** Requests that the pod has now. */
  readonly inPod: ServerResponse[];
  readonly pod: (permits: PodRoute['permits']) => Promise<void>;
  readonly ask: (count: number) => void;
  /** The pod answers so many. */
  readonly answer: (count: number) => void;
  readonly freed: () => number;
}

/** Gateway `gw` and a pod with five places, which holds what it gets. */
const scene = async (t: ExecutionContext, permits: PodRoute['permits']): Promise<Scene> => {
  const inPod: ServerResponse[] = [];
  const origin = await startOrigin((_request, response) => inPod.push(response));
  let freed = 0;
  const uplink = { report: () => undefined, poke: () => undefined, firstByte: () => undefined, permitsFreed: () => (freed += 1) };
  const one = (given: PodRoute['permits']): PodRoute => podAt(origin.port, { id: 'pod', permits: given });
  const rig = await startRig({ containerConcurrency: 5, pods: [one(permits)] }, { id: 'gw', uplink });
  const asked: Promise<unknown>[] = [];
  t.teardown(async () => {
    await rig.stop();
    await origin.die();
    await Promise.all(asked);
  });
  return {
    rig,
    inPod,
    pod: (given) => rig.route({ pods: [one(given)] }),
    ask: (count) => {
      for (let each = 0; each < count; each += 1) asked.push(fetch(rig.url).catch(() => undefined));
    },
    answer: (count) => {
      for (const response of inPod.splice(0, count)) response.end();
    },
    freed: () => freed,
  };
};

test('a gateway has no more requests in a pod than its permits, and as many as those', async (t) => {
  const { inPod, pod, ask, rig } = await scene(t, { gw: 2, other: 3 });
  ask(9);
  await until('two are there, and seven wait', () => inPod.length === 2 && rig.gateway.counters.workloads.values().next().value?.held === 7);
  await pod({ gw: 4, other: 1 });
  await until('four are there', () => inPod.length === 4);
  t.deepEqual(rig.gateway.permitsInUse(), {});
  await pod({ gw: 9 });
  await until('never more than the limit', () => inPod.length === 5);
});

test('permits that are taken away while they are used are in use until the requests have ended, which is told', async (t) => {
  const { inPod, pod, ask, answer, rig, freed } = await scene(t, { gw: 3 });
  ask(5);
  await until('three are there', () => inPod.length === 3);
  await pod({ gw: 1, other: 2 });
  t.deepEqual(rig.gateway.permitsInUse(), { pod: 3 });
  answer(1);
  await until('one less is told', () => freed() === 1);
  t.deepEqual(rig.gateway.permitsInUse(), { pod: 2 });
  answer(1);
  await until('it is within its permits', () => freed() === 2);
  t.deepEqual(rig.gateway.permitsInUse(), {});
  t.is(inPod.length, 1);
  answer(1);
  await until('the next goes in', () => inPod.length === 1);
  t.is(freed(), 2);
});

test('a gateway that is not named keeps what it has, and says so; one that is new has nothing', async (t) => {
  const { inPod, pod, ask, rig } = await scene(t, {});
  ask(4);
  await until('all wait', () => rig.gateway.counters.workloads.values().next().value?.held === 4);
  t.deepEqual(rig.gateway.permitsInUse(), {});
  await pod({ gw: 2 });
  await until('two are there', () => inPod.length === 2);
  await pod({ other: 1 });
  t.deepEqual(rig.gateway.permitsInUse(), { pod: 2 });
  t.is(inPod.length, 2);
});

test('a controller that knows no permits leaves a gateway the whole limit', async (t) => {
  const { inPod, ask, rig, pod } = await scene(t, undefined);
  ask(7);
  await until('five are there', () => inPod.length === 5);
  t.deepEqual(rig.gateway.permitsInUse(), {});
  await pod({});
  t.deepEqual(rig.gateway.permitsInUse(), { pod: 5 }, 'the next one, which does, is told what is there');
});

test('a pod that leaves the routes and comes back still has its requests', async (t) => {
  const { inPod, ask, rig, pod } = await scene(t, { gw: 3 });
  ask(5);
  await until('three are there', () => inPod.length === 3);
  await rig.route({ pods: [] });
  await pod({ gw: 2 });
  t.deepEqual(rig.gateway.permitsInUse(), { pod: 3 });
  t.is(inPod.length, 3);
});

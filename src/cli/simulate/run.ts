import { after, ManualClock, millis, seededRandom, workloadKey } from '../../core/index.ts';
import { arrivals } from './arrivals.ts';
import type { Contestant, ContestantName } from './contestant.ts';
import { startTimes } from './distributions.ts';
import { hpaContestant, hpaSpecOf } from './hpa-contestant.ts';
import { rouseContestant } from './rouse-contestant.ts';
import { clockStartsAt, leadInSeconds, loadBeginsAt, ratesOf, slotsOf, type Scene } from './scene.ts';
import { Score, type Outcome } from './score.ts';
import { VirtualCluster } from './virtual-cluster.ts';
import { asReport, VirtualGateway } from './virtual-gateway.ts';

/** Looks fall half a second after reports, as they would on an average day. */
const halfSecondMs = 500;

/**
 * Plays a scene to one contestant on a virtual clock. Time goes from one moment to the next at which anything happens outside of the requests: half a second (reports, then looks), a
 * pod that gets ready, a poke. Between two such moments only requests come and go.
 */
export const run = async (scene: Scene, name: ContestantName): Promise<Outcome> => {
  const begin = loadBeginsAt(scene);
  const clock = new ManualClock(clockStartsAt(scene));
  const key = workloadKey(scene.workload);
  const slots = slotsOf(scene);
  const { holdQueueDepth, holdTimeout } = scene.spec.traffic;
  const gateway = new VirtualGateway({
    arrivals: arrivals({ rates: ratesOf(scene), leadInSeconds: leadInSeconds(scene), meanServiceMs: scene.meanServiceMs, seed: scene.seed }),
    slots,
    isLimited: scene.spec.scaling.containerConcurrency !== 'unlimited',
    holdQueueDepth,
    holdTimeoutMs: holdTimeout === 'never-hold' ? 0 : holdTimeout,
    startMs: clock.now() - begin,
    drained: (uid) => {
      cluster.drained(uid);
    },
  });
  const cluster: VirtualCluster = new VirtualCluster({
    clock,
    workload: workloadOf(scene, name),
    startTime: startTimes(scene.startTime, seededRandom(scene.seed + 1)),
    podReady: (uid) => {
      gateway.podReady(uid);
    },
    podLeaves: (uid) => {
      gateway.podLeaves(uid);
    },
  });
  const score = new Score(slots, cluster);
  await clock.advance(millis(halfSecondMs));
  gateway.advance(clock.now() - begin);
  const contestant = contestantOf(name, scene, clock, cluster, gateway);
  await clock.advance(millis(0));
  const end = after(begin, millis(scene.seconds * 1000));
  let sequence = 0;
  for (let half = clock.now() + halfSecondMs; half <= end;) {
    const reached = gateway.advance(Math.min(half, cluster.nextReadyAt) - begin);
    await clock.advance(millis(reached.at + begin - clock.now()));
    cluster.advance();
    if (reached.poke !== undefined) {
      contestant.poke(reached.poke);
      await clock.advance(millis(0));
    }
    if (clock.now() < half || reached.poke !== undefined) continue;
    half += halfSecondMs;
    if (clock.now() % 1000 !== 0) continue;
    const interval = gateway.take();
    const figures = asReport(key, interval);
    contestant.report({ sequence: sequence++, ageMs: 0, intervalMs: 1000, workloads: figures === undefined ? [] : [figures] });
    if (clock.now() > begin) score.second(interval);
    else score.begin();
  }
  contestant.stop();
  gateway.close();
  return score.outcome(name, gateway);
};

/** A HorizontalPodAutoscaler leaves a workload without pods alone: whoever has one begins with its least count. */
const workloadOf = ({ workload, spec }: Scene, name: ContestantName): Scene['workload'] => ({
  ...workload,
  annotations: { ...workload.annotations, 'rouse.dev/policy': name === 'kpa' ? 'kpa' : 'rouse' },
  specReplicas: name === 'hpa' ? Math.max(workload.specReplicas, 1, spec.scaling.min) : workload.specReplicas,
});

const contestantOf = (name: ContestantName, scene: Scene, clock: ManualClock, cluster: VirtualCluster, gateway: VirtualGateway): Contestant => {
  if (name === 'hpa') {
    const wanted = scene.spec.scaling.metrics.find(({ metric }) => metric === 'concurrency' || metric === 'rps');
    const perPod = (wanted?.target ?? slotsOf(scene)) * scene.spec.scaling.targetUtilization;
    return hpaContestant(clock, cluster, hpaSpecOf(scene.spec, perPod), wanted?.metric === 'rps' ? 'rps' : 'concurrency');
  }
  return rouseContestant({
    ...scene,
    clock,
    cluster,
    retire: (uids) => {
      gateway.retire(uids);
    },
    decided: (decision) => scene.decided?.(decision),
  });
};

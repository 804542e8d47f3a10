import { after, annotation, between, printWorkloadState, seconds, type Clock, type Logger, type Millis, type WorkloadState } from '../core/index.ts';
import { resources, type KubeClient, type Refusal } from '../kube/index.ts';
import { adoptedBehavior } from './adopted-behavior.ts';
import { adoptedMetrics, saysMetrics } from './adopted-metrics.ts';
import type { ScalerEvent } from './events.ts';
import { findHpa, rememberedHpa, strippedHpa } from './adopted-hpa.ts';
import { unrecorded } from './live-count.ts';
import type { ResourceOf } from './ports.ts';
import type { WorkloadMemory } from './workload-memory.ts';
import type { WorkloadRecord } from './workload-record.ts';

export interface OnboardingPorts {
  readonly client: Pick<KubeClient, 'list' | 'mergePatch' | 'delete'>;
  readonly resourceOf: ResourceOf;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly tell: (event: ScalerEvent) => void;
  /** How many workloads would have an HPA adopted. */
  readonly adopters: () => number;
}

/** A refusal that the next tick may not meet again. */
class Unfinished extends Error {
  constructor(doing: string, refusal: Refusal) {
    super(`${doing}: ${refusal.message}`);
    this.name = 'Unfinished';
  }
}

/**
 * What has to be on record before a count may fall: `rouse.dev/state`, written by the webhook at admission and here where the webhook was
 * down, and the HorizontalPodAutoscaler that the user lets us adopt, which nobody but us can take away. Safe to repeat at any point: the
 * state is written before the HPA goes.
 */
const setUpWorkload = async (ports: OnboardingPorts, record: WorkloadRecord, replicasBefore: number, signal: AbortSignal): Promise<void> => {
  const { key, view, spec, state } = record;
  const hpa = state === undefined || spec.adoptHpa ? await lookForHpa(ports, record, signal) : undefined;
  const before = state?.replicasBefore ?? replicasBefore;
  if (hpa !== undefined && spec.adoptHpa) await adoptOrTell(ports, record, hpa, before, signal);
  else if (!isSetUp(record)) await writeState(ports, record, { ...state, v: 1, replicasBefore: before }, signal);
  if (!(annotation.status in view.annotations)) ports.tell({ type: 'onboarded', workload: key, replicas: replicasBefore });
  if (hpa !== undefined && !spec.adoptHpa) tellRival(ports, record, hpa);
};

type Hpa = NonNullable<(typeof resources.horizontalPodAutoscalers)['type']>;

const lookForHpa = async ({ client, resourceOf }: OnboardingPorts, { ref }: WorkloadRecord, signal: AbortSignal): Promise<Hpa | undefined> => {
  const resource = resourceOf(ref.resource);
  if (resource === undefined) return undefined;
  const found = await findHpa(client, ref, resource, signal);
  if (!found.ok) throw new Unfinished('looking for a HorizontalPodAutoscaler', found.problem);
  return found.value;
};

/** One can be given back, not two: the first is not forgotten for another. */
const adoptOrTell = async (ports: OnboardingPorts, record: WorkloadRecord, hpa: Hpa, replicasBefore: number, signal: AbortSignal): Promise<void> => {
  const kept = rememberedHpa(record.state?.adoptedHpa)?.metadata?.name;
  if (kept !== undefined && kept !== hpa.metadata?.name) tellSecond(ports, record, hpa, kept);
  else await adopt(ports, record, hpa, replicasBefore, signal);
};

/** Saved first, then removed, and only as it was saved: an edit in between makes us begin again. */
const adopt = async (ports: OnboardingPorts, record: WorkloadRecord, hpa: Hpa, replicasBefore: number, signal: AbortSignal): Promise<void> => {
  const { name = '', uid, resourceVersion } = hpa.metadata ?? {};
  await writeState(ports, record, { v: 1, replicasBefore, adoptedHpa: strippedHpa(hpa) }, signal);
  const only = { ...(uid === undefined ? {} : { uid }), ...(resourceVersion === undefined ? {} : { resourceVersion }) };
  const gone = await ports.client.delete(resources.horizontalPodAutoscalers, { namespace: record.ref.namespace, name }, only, signal);
  if (!gone.ok && gone.problem.kind !== 'not-found') throw new Unfinished('removing the adopted HorizontalPodAutoscaler', gone.problem);
  ports.tell({ type: 'hpa-adopted', workload: record.key, name });
  const { leftOut } = adoptedMetrics(hpa, record.view.podRequests);
  if (leftOut.length > 0 && !saysMetrics(record.view.annotations, record.view.podAnnotations))
    ports.tell({ type: 'hpa-metrics-left-out', workload: record.key, metrics: leftOut });
  const { leftOut: rules } = adoptedBehavior(hpa);
  if (rules.length > 0) ports.tell({ type: 'hpa-behavior-left-out', workload: record.key, rules });
};

const tellRival = (ports: OnboardingPorts, { key }: WorkloadRecord, hpa: Hpa): void => {
  const problem = `HorizontalPodAutoscaler ${hpa.metadata?.name ?? ''} scales the same workload and Rouse gives way to it; delete it, or set rouse.dev/adopt-hpa to "true".`;
  ports.tell({ type: 'settings-refused', workload: key, problems: [problem] });
};

const tellSecond = (ports: OnboardingPorts, { key }: WorkloadRecord, hpa: Hpa, kept: string): void => {
  const problem = `HorizontalPodAutoscaler ${hpa.metadata?.name ?? ''} scales the same workload, and ${kept} is adopted and to be given back already; delete one of them.`;
  ports.tell({ type: 'settings-refused', workload: key, problems: [problem] });
};

const writeState = async ({ client, resourceOf }: OnboardingPorts, { ref }: WorkloadRecord, state: WorkloadState, signal: AbortSignal): Promise<void> => {
  const resource = resourceOf(ref.resource);
  if (resource === undefined) return;
  const patch = { metadata: { annotations: { [annotation.state]: printWorkloadState(state) } } };
  const answer = await client.mergePatch(resource, ref, patch, signal);
  if (!answer.ok) throw new Unfinished('writing rouse.dev/state', answer.problem);
};

const retryPause = seconds(10);
/** Between two looks for an HPA that came later, for workloads that would have it adopted: a minute, and at most one request a second for all of them. */
const hpaPeriod = ({ adopters }: OnboardingPorts): Millis => seconds(Math.max(60, adopters()));
/** Who writes `/scale` for a HorizontalPodAutoscaler. */
const autoscalerManager = 'kube-controller-manager';

/** Whether what handing back needs is on the workload. */
export const isSetUp = ({ view }: WorkloadRecord): boolean => annotation.state in view.annotations;

/** Runs the steps once per workload and term; after a failure, again ten seconds later. */
export const startSetUp = (ports: OnboardingPorts, record: WorkloadRecord, memory: WorkloadMemory, signal: AbortSignal): void => {
  memory.setUp = 'running';
  setUpWorkload(ports, record, memory.replicasAtFirst, signal).then(
    () => {
      memory.setUp = 'done';
      memory.hpaLook = nextHpaLook(ports, record, memory);
    },
    (thrown: unknown) => {
      memory.setUp = 'needed';
      memory.setUpAt = after(ports.clock.now(), retryPause);
      if (!signal.aborted) ports.logger.info('onboarding is not finished yet', { workload: record.key, error: thrown });
    },
  );
};

/** Where nothing is to be adopted, only somebody else's write is a cause to look again. */
const nextHpaLook = (ports: OnboardingPorts, { spec: { adoptHpa } }: WorkloadRecord, { hand }: WorkloadMemory): WorkloadMemory['hpaLook'] => {
  if (!adoptHpa && hand === undefined) return undefined;
  const now = ports.clock.now();
  return { at: adoptHpa ? after(now, hpaPeriod(ports)) : now, adopts: adoptHpa, hand };
};

/**
 * Looks for a HorizontalPodAutoscaler that came after onboarding (past the webhook, or because it may be adopted): every minute where it is to be
 * adopted, at once where that is newly said or an autoscaler has just set the count. Nothing waits for it, and a failure is tried again next time.
 */
export const startHpaLook = (ports: OnboardingPorts, record: WorkloadRecord, memory: WorkloadMemory, signal: AbortSignal): void => {
  const { adoptHpa } = record.spec;
  const now = ports.clock.now();
  const { at, adopts, hand } = memory.hpaLook ?? { at: now, adopts: adoptHpa, hand: undefined };
  const isDriven = memory.hand !== hand && (memory.hand?.manager === autoscalerManager || memory.hand?.manager === unrecorded);
  if (!isDriven && !(adoptHpa && (!adopts || between(at, now) >= 0))) return;
  memory.hpaLook = nextHpaLook(ports, record, memory);
  lookForHpa(ports, record, signal)
    .then(async (hpa) => {
      if (hpa === undefined) return;
      if (adoptHpa) await adoptOrTell(ports, record, hpa, record.state?.replicasBefore ?? memory.replicasAtFirst, signal);
      else tellRival(ports, record, hpa);
    })
    .catch((thrown: unknown) => {
      if (!signal.aborted) ports.logger.info('a HorizontalPodAutoscaler is not adopted yet', { workload: record.key, error: thrown });
    });
};

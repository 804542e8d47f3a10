import { after, annotation, printWorkloadState, seconds, type Clock, type Logger, type WorkloadState } from '../core/index.ts';
import { resources, type KubeClient, type Refusal } from '../kube/index.ts';
import type { ScalerEvent } from './events.ts';
import { findHpa, strippedHpa } from './adopted-hpa.ts';
import type { ResourceOf } from './ports.ts';
import type { WorkloadMemory } from './workload-memory.ts';
import type { WorkloadRecord } from './workload-record.ts';

export interface OnboardingPorts {
  readonly client: Pick<KubeClient, 'list' | 'mergePatch' | 'delete'>;
  readonly resourceOf: ResourceOf;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly tell: (event: ScalerEvent) => void;
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
  const { key, ref, view, spec, state } = record;
  const hpa = state === undefined || spec.adoptHpa ? await findHpa(ports.client, ref, signal) : undefined;
  if (hpa !== undefined && !hpa.ok) throw new Unfinished('looking for a HorizontalPodAutoscaler', hpa.problem);
  const found = hpa?.value;
  const adopted = spec.adoptHpa && found !== undefined ? strippedHpa(found) : undefined;
  const wanted: WorkloadState = {
    v: 1,
    replicasBefore: state?.replicasBefore ?? replicasBefore,
    ...(adopted !== undefined ? { adoptedHpa: adopted } : state?.adoptedHpa === undefined ? {} : { adoptedHpa: state.adoptedHpa }),
  };
  if (!isSetUp(record) || adopted !== undefined) await writeState(ports, record, wanted, signal);
  if (!(annotation.status in view.annotations)) ports.tell({ type: 'onboarded', workload: key, replicas: replicasBefore });
  if (found === undefined) return;
  const name = found.metadata?.name ?? '';
  if (adopted === undefined) {
    const problem = `HorizontalPodAutoscaler ${name} scales the same workload and Rouse gives way to it; delete it, or set rouse.dev/adopt-hpa to "true".`;
    ports.tell({ type: 'settings-refused', workload: key, problems: [problem] });
    return;
  }
  const uid = found.metadata?.uid;
  const gone = await ports.client.delete(resources.horizontalPodAutoscalers, { namespace: ref.namespace, name }, uid === undefined ? {} : { uid }, signal);
  if (!gone.ok && gone.problem.kind !== 'not-found') throw new Unfinished('removing the adopted HorizontalPodAutoscaler', gone.problem);
  ports.tell({ type: 'hpa-adopted', workload: key, name });
};

const writeState = async ({ client, resourceOf }: OnboardingPorts, { ref }: WorkloadRecord, state: WorkloadState, signal: AbortSignal): Promise<void> => {
  const resource = resourceOf(ref.resource);
  if (resource === undefined) return;
  const patch = { metadata: { annotations: { [annotation.state]: printWorkloadState(state) } } };
  const answer = await client.mergePatch(resource, ref, patch, signal);
  if (!answer.ok) throw new Unfinished('writing rouse.dev/state', answer.problem);
};

const retryPause = seconds(10);

/** Whether what handing back needs is on the workload. */
export const isSetUp = ({ view }: WorkloadRecord): boolean => annotation.state in view.annotations;

/** Runs the steps once per workload and term; after a failure, again ten seconds later. */
export const startSetUp = (ports: OnboardingPorts, record: WorkloadRecord, memory: WorkloadMemory, signal: AbortSignal): void => {
  memory.setUp = 'running';
  setUpWorkload(ports, record, memory.replicasAtFirst, signal).then(
    () => {
      memory.setUp = 'done';
    },
    (thrown: unknown) => {
      memory.setUp = 'needed';
      memory.setUpAt = after(ports.clock.now(), retryPause);
      if (!signal.aborted) ports.logger.info('onboarding is not finished yet', { workload: record.key, error: thrown });
    },
  );
};

import { failed, messageOf, ok, systemNamespace, annotation, type Clock, type Result } from '../../core/index.ts';
import { clockOffset, resources, type KubeObject, type Resource } from '../../kube/index.ts';
import type { ControllerSummary, WorkloadSummary } from '../../api/index.ts';
import { readDocument } from '../look/controller-answer.ts';
import { CommandError } from '../exit-code.ts';
import type { FoundCluster } from '../look/find-cluster.ts';
import type { FoundController } from '../look/find-controller.ts';
import { NotReadable, read, readAll, type Check, type ControllerView, type Finding, type Patient } from './check.ts';

export interface Diagnosis {
  readonly check: Check;
  readonly finding: Finding;
}

interface Around {
  readonly cluster: Pick<FoundCluster, 'client' | 'connection'>;
  /** Rejects with a `CommandError` where there is none. */
  readonly controller: () => Promise<FoundController>;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** What is asked for again is not asked of the cluster again. */
const once = <T>(work: () => Promise<T>): (() => Promise<T>) => {
  let under: Promise<T> | undefined;
  return () => (under ??= work());
};

const view = async ({ controller, clock }: Around): Promise<Result<ControllerView, string>> => {
  try {
    const found = await controller();
    try {
      const { answered: _, ...about } = await readDocument<ControllerSummary>(found, '/controller');
      const readAt = clock.now();
      const { workloads } = await readDocument<{ readonly workloads: readonly WorkloadSummary[] }>(found, '/workloads');
      return ok({ about, workloads, readAt });
    } finally {
      found.close();
    }
  } catch (failure) {
    if (failure instanceof CommandError) return failed(messageOf(failure));
    throw failure;
  }
};

const placeOf = async (patient: Pick<Patient, 'client'>): ReturnType<Patient['place']> => {
  const namespace = await read(patient, resources.namespaces, { name: systemNamespace });
  if (namespace?.metadata?.annotations?.[annotation.localController] !== undefined) return 'local';
  if ((await read(patient, resources.deployments, { namespace: systemNamespace, name: 'rouse-controller' })) !== undefined) return 'cluster';
  const webhooks = await read(patient, resources.validatingWebhookConfigurations, { name: 'rouse' });
  return webhooks?.webhooks?.some(({ clientConfig }) => clientConfig.url !== undefined) === true ? 'outside' : 'nowhere';
};

export const patientOf = (around: Around): Patient => {
  const { cluster, clock, signal } = around;
  const lists = new Map<string, Promise<readonly KubeObject[]>>();
  const patient: Patient = {
    ...cluster,
    clock,
    signal,
    controller: once(() => view(around)),
    clockOffset: once(() => clockOffset(cluster.connection, clock, signal)),
    place: once(() => placeOf(cluster)),
    all: <T extends KubeObject>(resource: Resource<T>) => {
      const key = `${resource.group}/${resource.plural}`;
      const list = lists.get(key) ?? readAll(cluster, resource);
      lists.set(key, list);
      return list as Promise<readonly T[]>;
    },
  };
  return patient;
};

/** Runs every check by itself: what one cannot read, another may. */
export const diagnose = (patient: Patient, checks: readonly Check[], began: (check: Check) => void = () => undefined): Promise<readonly Diagnosis[]> =>
  Promise.all(
    checks.map(async (check) => {
      began(check);
      return { check, finding: await findingOf(check, patient) };
    }),
  );

const findingOf = async (check: Check, patient: Patient): Promise<Finding> => {
  try {
    return await check.run(patient);
  } catch (failure) {
    if (!(failure instanceof NotReadable)) throw failure;
    return { status: 'skipped', says: failure.message };
  }
};

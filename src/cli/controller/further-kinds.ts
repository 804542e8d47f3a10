import { annotation, systemNamespace } from '../../core/index.ts';
import { createKindDiscovery, watchScaledKind, type EventRecorder, type KubeClient, type WorkloadView } from '../../kube/index.ts';
import { WorkloadKinds, type WorkloadRegistry } from '../../scaler/index.ts';
import type { AdmittedKind } from '../../webhooks/index.ts';
import type { ClusterWatches } from './cluster-watches.ts';
import type { ControllerOptions } from './controller-options.ts';
import { joinWatches } from './joined-watch.ts';

interface Around {
  readonly options: Pick<ControllerOptions, 'connection' | 'clock' | 'random' | 'logger' | 'namespaces'>;
  readonly client: KubeClient;
  readonly watches: Pick<ClusterWatches, 'configMaps'>;
  readonly registry: Pick<WorkloadRegistry, 'config' | 'onConfig' | 'values' | 'subscribe' | 'addKind' | 'removeKind'>;
}

/** The kinds of `allow-kinds` beyond those that are watched anyway, on the API server. */
export const furtherKinds = ({ options, client, watches, registry }: Around): WorkloadKinds => {
  const { connection, clock, random, namespaces } = options;
  const logger = options.logger.child({ part: 'kinds' });
  return new WorkloadKinds({
    clock,
    logger,
    discover: createKindDiscovery({ connection, clock }),
    registry,
    configSynced: watches.configMaps.synced,
    watch: ({ name, resource }, listener) =>
      joinWatches(
        (namespaces?.map((namespace) => ({ namespace })) ?? [{}]).map((selection) =>
          watchScaledKind({ connection, clock, random, logger, resource, selection, name, client, concerns, ...listener }),
        ),
      ),
  });
};

/** Of everything else of the kind we need not know its count. */
const concerns = ({ annotations }: WorkloadView): boolean => annotation.enabled in annotations || annotation.state in annotations;

/** As requests and webhook rules name them. */
export const admittedKinds = (kinds: WorkloadKinds): readonly AdmittedKind[] =>
  kinds.kinds().map(({ resource: { group, plural, kind } }) => ({ group, plural, kind }));

/** Says on the ConfigMap, while `tells` does, which of its kinds are of no use and why; the value says all of it (again). */
export const tellKindProblems = (
  kinds: WorkloadKinds,
  { configMaps }: Pick<ClusterWatches, 'configMaps'>,
  events: Pick<EventRecorder, 'record'>,
  tells: () => boolean,
): (() => void) => {
  const tell = (kind: string, problem: string): void => {
    const config = configMaps.get(`${systemNamespace}/rouse-config`);
    if (!tells() || config === undefined) return;
    const { namespace, name, uid } = config;
    const hint =
      ' (a ClusterRole labelled rbac.rouse.dev/aggregate-to-controller=true has to allow get, list, watch and patch of it, and get and patch of its /scale)';
    const message = `allow-kinds: ${kind}: ${problem}${problem.includes('forbidden') ? hint : ''}`;
    events.record({ apiVersion: 'v1', kind: 'ConfigMap', namespace, name, uid }, { type: 'Warning', reason: 'KindUnavailable', message });
  };
  kinds.onProblem(tell);
  return () => {
    for (const { kind, problem } of kinds.problems()) tell(kind, problem);
  };
};

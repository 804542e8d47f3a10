import { isEnabled, systemNamespace, takenOverFor, workloadKey, type ScaleSpec, type WorkloadRef } from '../../core/index.ts';
import { parseConfig, parseSpec, type Texts } from '../../core/spec/index.ts';
import { createTransport, resources, type KubeObject } from '../../kube/index.ts';
import { formulaCheck } from './config-checks.ts';
import { good, named, NotReadable, problem, read, skipped, some, warning, type Check, type Patient } from './check.ts';

interface Onboarded {
  readonly ref: WorkloadRef;
  /** What its annotations say; else what is wrong with them. */
  readonly spec: ScaleSpec | undefined;
  readonly problems: readonly string[];
}

interface WithTemplate extends KubeObject {
  readonly spec?: { readonly template?: { readonly metadata?: { readonly annotations?: Readonly<Record<string, string>> } } };
}

/** Everything that says `rouse.dev/enabled: "true"`, read as the controller reads it. */
const onboarded = async (patient: Patient): Promise<readonly Onboarded[]> => {
  const kinds = [
    ['deployments.apps', await patient.all<WithTemplate>(resources.deployments)],
    ['statefulsets.apps', await patient.all<WithTemplate>(resources.statefulSets)],
  ] as const;
  const wanted = kinds.flatMap(([resource, objects]) =>
    objects.flatMap((object) => {
      const enabled = isEnabled(object.metadata?.annotations ?? {});
      return enabled.ok && enabled.value ? [{ resource, object }] : [];
    }),
  );
  if (wanted.length === 0) return [];
  const namespaces = new Map((await patient.all(resources.namespaces)).map(({ metadata }) => [metadata?.name, metadata?.annotations ?? {}]));
  const config = parseConfig((await read(patient, resources.configMaps, { namespace: systemNamespace, name: 'rouse-config' }))?.data ?? {});
  const { defaults = {}, maxScaleLimit } = config.ok ? config.value.config : {};
  const layersOf = ({ metadata, spec }: WithTemplate): Parameters<typeof parseSpec>[0] => ({
    cluster: defaults,
    namespace: namespaces.get(metadata?.namespace) ?? {},
    podTemplate: spec?.template?.metadata?.annotations ?? {},
    workload: metadata?.annotations ?? {},
  });
  const checkFormula = await formulaCheck(
    wanted.flatMap(({ object }) => Object.values(layersOf(object)).filter((texts): texts is Texts => texts !== undefined)),
  );
  return wanted.map(({ resource, object }) => {
    const parsed = parseSpec(layersOf(object), { checkFormula, ...(maxScaleLimit === undefined ? {} : { maxScaleLimit }) });
    return {
      ref: { resource, namespace: object.metadata?.namespace ?? '', name: object.metadata?.name ?? '' },
      spec: parsed.ok ? parsed.value.spec : undefined,
      problems: parsed.ok ? [] : parsed.problem.map(({ message }) => message),
    };
  });
};

const nameOf = ({ ref }: Onboarded): string => `${ref.namespace}/${ref.name}`;

export const settings: Check = {
  id: 'settings',
  about: 'the settings of every workload can be read',
  run: async (patient) => {
    const all = await onboarded(patient);
    if (all.length === 0) return skipped('no workload is enabled');
    const refused = all.filter(({ problems }) => problems.length > 0);
    const [first] = refused;
    if (first === undefined) return good(`${String(all.length)} enabled`);
    const { resource, namespace, name } = first.ref;
    return problem(
      some(refused.map((each) => `${nameOf(each)}: ${each.problems.join(' ')}`)),
      `kubectl -n ${namespace} get ${resource} ${name} -o yaml | rouse validate -f -`,
    );
  },
};

export const services: Check = {
  id: 'services',
  about: 'a Service of every workload leads through the gateways',
  run: async (patient) => {
    const all = (await onboarded(patient)).filter(
      ({ spec }) => spec !== undefined && spec.mode === 'enforce' && (spec.path === 'auto' || spec.path === 'gateway'),
    );
    if (all.length === 0) return skipped('no workload is to be called through them');
    const taken = new Set((await patient.all(resources.services)).flatMap((service) => takenOverFor(service) ?? []));
    const without = all.filter(({ ref }) => !taken.has(workloadKey(ref)));
    const [first] = without;
    if (first === undefined) return good(`of all ${String(all.length)}`);
    return warning(
      `no Service leads through the gateways to ${some(without.map(nameOf))}: no request can wake ${without.length === 1 ? 'it' : 'them'}`,
      `kubectl -n ${first.ref.namespace} get services; rouse events ${first.ref.name} -n ${first.ref.namespace} (says why a Service was left alone)`,
    );
  },
};

export const autoscalers: Check = {
  id: 'autoscalers',
  about: 'no HorizontalPodAutoscaler scales the same workload',
  run: async (patient) => {
    const all = await onboarded(patient);
    if (all.length === 0) return skipped('no workload is enabled');
    const keys = new Set(all.map(({ ref }) => `${ref.namespace}/${ref.resource === 'deployments.apps' ? 'Deployment' : 'StatefulSet'}/${ref.name}`));
    const rivals = (await patient.all(resources.horizontalPodAutoscalers)).filter(
      ({ metadata, spec }) => spec !== undefined && keys.has(`${metadata?.namespace ?? ''}/${spec.scaleTargetRef.kind}/${spec.scaleTargetRef.name}`),
    );
    const [first] = rivals;
    if (first === undefined) return good('none');
    return problem(
      `HorizontalPodAutoscaler ${some(rivals.map(named))} ${rivals.length === 1 ? 'scales' : 'scale'} what Rouse is to scale, and Rouse gives way`,
      `kubectl -n ${first.metadata?.namespace ?? ''} delete horizontalpodautoscaler ${first.metadata?.name ?? ''} (or annotate the workload rouse.dev/adopt-hpa=true)`,
    );
  },
};

export const wakes: Check = {
  id: 'wakes',
  about: 'every workload that is to wake can wake',
  run: async (patient) => {
    const view = await patient.controller();
    if (!view.ok) return skipped('no controller answers');
    const failing = view.value.workloads.filter(({ wakeFailure }) => wakeFailure !== undefined);
    const [first] = failing;
    if (first === undefined) return good(`of all ${String(view.value.workloads.length)}`);
    return problem(
      some(failing.map(({ namespace, name, wakeFailure }) => `${namespace}/${name} cannot wake: ${wakeFailure ?? ''}`)),
      `rouse events ${first.name} -n ${first.namespace}; kubectl -n ${first.namespace} describe pods`,
    );
  },
};

export const podUsage: Check = {
  id: 'pod-usage',
  about: 'where workloads scale by cpu or memory, the cluster measures them',
  run: async (patient) => {
    const users = (await onboarded(patient)).filter(({ spec }) => spec?.scaling.metrics.some(({ metric }) => metric === 'cpu' || metric === 'memory'));
    const [first] = users;
    if (first === undefined) return skipped('no workload does');
    // A list of measurements has no version, which a list of objects has.
    const send = createTransport(patient);
    const listed = await send({ method: 'GET', path: `/apis/metrics.k8s.io/v1beta1/namespaces/${encodeURIComponent(first.ref.namespace)}/pods` });
    if (listed.ok) return good(`metrics.k8s.io answers, for ${some(users.map(nameOf))}`);
    if (listed.problem.kind === 'forbidden') throw new NotReadable(`pods.metrics.k8s.io in ${first.ref.namespace}`, listed.problem);
    return problem(
      `${some(users.map(nameOf))} ${users.length === 1 ? 'scales' : 'scale'} by what pods use, and metrics.k8s.io does not answer: ${listed.problem.message}`,
      'kubectl get apiservice v1beta1.metrics.k8s.io; install metrics-server (https://github.com/kubernetes-sigs/metrics-server)',
    );
  },
};

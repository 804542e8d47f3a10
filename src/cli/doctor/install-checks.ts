import { systemNamespace } from '../../core/index.ts';
import { resources } from '../../kube/index.ts';
import { rouseVersion } from '../version.ts';
import { good, kubectlHere, problem, read, readAll, reinstall, skipped, some, warning, type Check, type Finding, type Patient } from './check.ts';

type Pod = NonNullable<(typeof resources.pods)['type']>;

const oldest = 30;

export const kubernetesVersion: Check = {
  id: 'kubernetes-version',
  about: 'the API server is Kubernetes 1.30 or newer',
  run: async ({ client, connection }) => {
    const version = await client.version();
    if (!version.ok) return problem(`the API server at ${connection.server.href} cannot be used: ${version.problem.message}`, 'kubectl version');
    const { major, minor } = version.value;
    const says = `Kubernetes ${String(major)}.${String(minor)} at ${connection.server.href}`;
    return major === 1 && minor < oldest
      ? problem(`${says}: Rouse needs 1.${String(oldest)} or newer`, 'upgrade the control plane of the cluster')
      : good(says);
  },
};

export const namespaceThere: Check = {
  id: 'namespace',
  about: `the Namespace ${systemNamespace} is there, and stays`,
  run: async (patient) => {
    const namespace = await read(patient, resources.namespaces, { name: systemNamespace });
    if (namespace === undefined) return problem(`there is no Namespace ${systemNamespace}: Rouse is not installed here`, reinstall);
    if (namespace.metadata?.deletionTimestamp === undefined) return good(systemNamespace);
    return problem(
      `the Namespace ${systemNamespace} is being deleted`,
      `kubectl describe namespace ${systemNamespace} (says what keeps it); then ${reinstall}`,
    );
  },
};

/** Why a pod is not ready, as its containers and conditions tell. */
const causeOf = ({ metadata, status }: Pod): string => {
  const name = metadata?.name ?? 'a pod';
  for (const { state, lastState } of status?.containerStatuses ?? []) {
    const waiting = state?.waiting;
    if (waiting?.reason !== undefined && waiting.reason !== 'ContainerCreating')
      return `${name}: ${waiting.reason}${waiting.message === undefined ? '' : ` (${waiting.message})`}`;
    const ended = lastState?.terminated;
    if (ended !== undefined) return `${name}: ended with ${String(ended.exitCode)}${ended.message === undefined ? '' : ` (${ended.message})`}`;
  }
  const unscheduled = status?.conditions?.find(({ type, status: state }) => type === 'PodScheduled' && state === 'False');
  return unscheduled === undefined ? `${name}: ${status?.phase ?? 'not started'}, not ready` : `${name}: ${unscheduled.message ?? 'no node takes it'}`;
};

const isReady = ({ status }: Pod): boolean => status?.conditions?.some(({ type, status: state }) => type === 'Ready' && state === 'True') ?? false;

const podsOf = async (patient: Patient, component: 'controller' | 'gateway'): Promise<Finding> => {
  const place = await patient.place();
  if (place !== 'cluster' && (component === 'controller' || place === 'local'))
    return place === 'nowhere'
      ? problem(`there is no Deployment ${systemNamespace}/rouse-${component}`, reinstall)
      : skipped(place === 'local' ? 'rouse local runs it in its own process' : 'it runs outside the cluster');
  const name = `rouse-${component}`;
  const deployment = await read(patient, resources.deployments, { namespace: systemNamespace, name });
  if (deployment === undefined) return problem(`there is no Deployment ${systemNamespace}/${name}`, reinstall);
  const wanted = deployment.spec?.replicas ?? 1;
  if (wanted === 0) return problem(`the Deployment ${name} is scaled to 0`, `${kubectlHere} scale deployment ${name} --replicas=2`);
  const labelSelector = `app.kubernetes.io/name=rouse,app.kubernetes.io/component=${component}`;
  const pods = (await readAll(patient, resources.pods, { namespace: systemNamespace, labelSelector })).filter(
    ({ metadata }) => metadata?.deletionTimestamp === undefined,
  );
  const ready = pods.filter(isReady).length;
  if (ready >= wanted) return good(`${String(ready)} of ${String(wanted)} pods ready`);
  const broken = pods.filter((pod) => !isReady(pod));
  const failure = deployment.status?.conditions?.find(({ type, status }) => type === 'ReplicaFailure' && status === 'True')?.message;
  const cause = broken.length === 0 ? (failure ?? 'no pod was created') : some(broken.map(causeOf), 2);
  const says = `${String(ready)} of ${String(wanted)} pods ready: ${cause}`;
  const mend =
    broken[0] === undefined
      ? `${kubectlHere} describe deployment ${name}`
      : `${kubectlHere} describe pod ${broken[0].metadata?.name ?? ''}; ${kubectlHere} logs deployment/${name}`;
  return ready === 0 ? problem(says, mend) : warning(says, mend);
};

export const controllerPods: Check = { id: 'controller-pods', about: 'the controllers run', run: (patient) => podsOf(patient, 'controller') };
export const gatewayPods: Check = { id: 'gateway-pods', about: 'the gateways run', run: (patient) => podsOf(patient, 'gateway') };

export const versions: Check = {
  id: 'versions',
  about: 'controller, gateways and this command are of one version',
  run: async (patient) => {
    const controller = await patient.controller();
    if (!controller.ok) return skipped('no controller answers');
    const [theirs, ours] = [controller.value.about.version, rouseVersion];
    if (theirs !== ours) return warning(`the controller is ${theirs}, this command ${ours}`, `npm install -g rouse@${theirs}`);
    if ((await patient.place()) !== 'cluster') return good(ours);
    const images = await Promise.all(
      ['rouse-controller', 'rouse-gateway'].map(
        async (name) => (await read(patient, resources.deployments, { namespace: systemNamespace, name }))?.spec?.template.spec?.containers[0]?.image,
      ),
    );
    if (images[0] === images[1] || images.includes(undefined)) return good(ours);
    return warning(
      `the controllers run ${images[0] ?? ''}, the gateways ${images[1] ?? ''}`,
      `${kubectlHere} set image deployment/rouse-gateway gateway=${images[0] ?? ''}`,
    );
  },
};

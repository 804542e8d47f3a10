import { systemNamespace } from '../../core/index.ts';
import { resources } from '../../kube/index.ts';
import { currentLeader, controllerLease } from '../controller/leadership.ts';
import { good, kubectlHere, problem, read, readAll, skipped, some, warning, type Check } from './check.ts';

const logs = `${kubectlHere} logs deployment/rouse-controller`;

export const leader: Check = {
  id: 'leader',
  about: 'a controller leads: its Lease is renewed while we look',
  run: async (patient) => {
    const lease = await read(patient, resources.leases, controllerLease);
    const mend = `${kubectlHere} get lease rouse-controller -o yaml; ${kubectlHere} rollout restart deployment rouse-controller`;
    if (lease === undefined) return problem(`there is no Lease ${controllerLease.namespace}/${controllerLease.name}: no controller has ever led`, mend);
    const holder = await currentLeader(patient.client, patient.clock, patient.signal);
    if (holder !== undefined) return good(holder);
    return problem(
      `nobody leads: the Lease is ${lease.spec?.holderIdentity ? `that of ${lease.spec.holderIdentity}, which renews it no more` : 'handed back'}; nothing is scaled`,
      mend,
    );
  },
};

export const controllerAnswers: Check = {
  id: 'controller-answers',
  about: 'the controller answers, and is in touch with the cluster',
  run: async (patient) => {
    const view = await patient.controller();
    if (!view.ok) return problem(view.problem, `${kubectlHere} get pods,service,endpointslices; ${logs}`);
    const { identity, notReady } = view.value.about;
    return notReady === undefined ? good(identity) : problem(`${identity} is not ready: ${notReady}`, logs);
  },
};

export const gatewayLink: Check = {
  id: 'gateway-link',
  about: 'every gateway is linked to the controller, and has its routes and ports',
  run: async (patient) => {
    const view = await patient.controller();
    if (!view.ok) return skipped('no controller answers');
    const { gateways } = view.value.about;
    const gatewayLogs = `${kubectlHere} logs deployment/rouse-gateway`;
    if (gateways.length === 0)
      return problem('no gateway is linked: nothing can be held, so nothing goes to zero', `${gatewayLogs}; ${kubectlHere} get networkpolicies`);
    const linked = new Set(gateways.map(({ podName }) => podName));
    const pods = await readAll(patient, resources.pods, {
      namespace: systemNamespace,
      labelSelector: 'app.kubernetes.io/name=rouse,app.kubernetes.io/component=gateway',
    });
    const absent = pods
      .filter(({ metadata }) => metadata?.deletionTimestamp === undefined && !linked.has(metadata?.name))
      .map(({ metadata }) => metadata?.name ?? '');
    if (absent.length > 0)
      return problem(
        `${some(absent)} ${absent.length === 1 ? 'is' : 'are'} not linked: figures of theirs are missing, and nothing goes down`,
        `${kubectlHere} logs ${absent[0] ?? ''}`,
      );
    const failed = gateways
      .filter(({ failedPorts }) => failedPorts.length > 0)
      .map(({ podName, id, failedPorts }) => `${podName ?? id} cannot open ${failedPorts.join(', ')}`);
    if (failed.length > 0) return problem(`${some(failed)}: calls of the Services behind ${failed.length === 1 ? 'it' : 'them'} fail there`, gatewayLogs);
    const behind = gateways.filter(({ upToDate }) => !upToDate).map(({ podName, id }) => podName ?? id);
    if (behind.length > 0) return warning(`${some(behind)} ${behind.length === 1 ? 'has' : 'have'} not applied the newest routes`, gatewayLogs);
    return good(`${String(gateways.length)} linked`);
  },
};

const most = 5000;
const seconds = (ms: number): string => `${(Math.abs(ms) / 1000).toFixed(0)} s`;
const apart = (ms: number): string => `${seconds(ms)} ${ms > 0 ? 'ahead of' : 'behind'}`;

export const clock: Check = {
  id: 'clock',
  about: 'the clocks of controller, API server and this machine agree',
  run: async (patient) => {
    const offset = await patient.clockOffset();
    if (!offset.ok) return skipped(offset.problem.message);
    const view = await patient.controller();
    // The view may have been read a while before: what passed since is counted by our own clock.
    const controller = view.ok ? view.value.about.now - view.value.readAt : undefined;
    const ofController = controller === undefined ? undefined : controller + offset.value;
    if (ofController !== undefined && Math.abs(ofController) > most)
      return problem(
        `the controller's clock is ${apart(ofController)} the API server's: schedules, ages and certificates are wrong by that`,
        `chronyc tracking (or timedatectl) on the node: ${kubectlHere} get pods -o wide`,
      );
    if (Math.abs(offset.value) > most)
      return warning(`this machine's clock is ${apart(offset.value)} the API server's: ages that are shown here are wrong by that`, 'timedatectl set-ntp true');
    return good(`within ${seconds(most)}`);
  },
};

const placementLabel = 'rouse.dev/placement';

export const placement: Check = {
  id: 'placement',
  about: 'where namespaces ask for placement, there is somebody who places',
  run: async (patient) => {
    const view = await patient.controller();
    if (!view.ok) return skipped('no controller answers');
    const labelled = (await readAll(patient, resources.namespaces, { labelSelector: placementLabel })).map((namespace) => ({
      name: namespace.metadata?.name ?? '',
      mode: namespace.metadata?.labels?.[placementLabel],
    }));
    const { placement: places } = view.value.about;
    const enable = 'kubectl apply -k deploy/overlays/placement';
    if (!places)
      return labelled.length === 0
        ? skipped('no namespace asks for it')
        : problem(
            `${some(labelled.map(({ name }) => name))} ${labelled.length === 1 ? 'asks' : 'ask'} for placement (${placementLabel}), and the controller runs without --placement`,
            enable,
          );
    const byScheduler = labelled.filter(({ mode }) => mode === 'enabled');
    if (byScheduler.length === 0) return good(labelled.length === 0 ? 'no namespace asks for it' : `by affinity in ${some(labelled.map(({ name }) => name))}`);
    const holder = (await read(patient, resources.leases, { namespace: systemNamespace, name: 'rouse-scheduler' }))?.spec?.holderIdentity;
    if (!holder)
      return problem(
        `${some(byScheduler.map(({ name }) => name))} ${byScheduler.length === 1 ? 'wants its' : 'want their'} pods placed by the scheduler rouse-scheduler, which does not run: the default scheduler places them`,
        `${kubectlHere} get deployment rouse-scheduler; ${enable}`,
      );
    return good(`${holder} schedules for ${some(byScheduler.map(({ name }) => name))}`);
  },
};

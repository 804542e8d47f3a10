import { annotation, systemNamespace } from '../../core/index.ts';
import { createTransport, resources } from '../../kube/index.ts';

import { good, kubectlHere, problem, read, readAll, skipped, warning, type Check, type Patient } from './check.ts';

const name = 'rouse';

type Webhook = NonNullable<NonNullable<(typeof resources.validatingWebhookConfigurations)['type']>['webhooks']>[number];

/** The leader registers them when it begins to lead, and looks every 20 s. */
const registerAgain = `${kubectlHere} rollout restart deployment rouse-controller; ${kubectlHere} logs deployment/rouse-controller (say why the leader does not register them)`;

interface Registered {
  readonly mutating: readonly Webhook[] | undefined;
  readonly validating: readonly Webhook[] | undefined;
}

const registered = async (patient: Patient): Promise<Registered> => {
  const mutating = await read(patient, resources.mutatingWebhookConfigurations, { name });
  const validating = await read(patient, resources.validatingWebhookConfigurations, { name });
  return { mutating: mutating && (mutating.webhooks ?? []), validating: validating && (validating.webhooks ?? []) };
};
const allOf = ({ mutating = [], validating = [] }: Registered): readonly Webhook[] => [...mutating, ...validating];

export const webhooksRegistered: Check = {
  id: 'webhooks-registered',
  about: 'the API server has both webhook configurations',
  run: async (patient) => {
    const { mutating, validating } = await registered(patient);
    const lacking = [
      ...(mutating === undefined ? ['MutatingWebhookConfiguration'] : []),
      ...(validating === undefined ? ['ValidatingWebhookConfiguration'] : []),
    ];
    if (lacking.length > 0)
      return problem(
        `there is no ${lacking.join(' and no ')} ${name}: what is applied to workloads is not checked, and counts in manifests are not kept off`,
        registerAgain,
      );
    const webhooks = allOf({ mutating, validating });
    return webhooks.length === 0 ? problem(`the webhook configurations ${name} have no webhooks`, registerAgain) : good(`${String(webhooks.length)} webhooks`);
  },
};

export const webhooksTarget: Check = {
  id: 'webhooks-target',
  about: 'the webhooks lead to controllers that are ready',
  run: async (patient) => {
    const [first] = allOf(await registered(patient));
    if (first === undefined) return skipped('they are not registered');
    const { service, url } = first.clientConfig;
    if (service === undefined) return good(`by URL, outside the cluster: ${url ?? ''}`);
    const port = service.port ?? 443;
    const where = `the Service ${service.namespace}/${service.name}`;
    if (service.namespace !== systemNamespace)
      return problem(
        `the webhooks lead to ${where}, of another installation of Rouse`,
        `kubectl delete mutatingwebhookconfiguration,validatingwebhookconfiguration ${name}; ${kubectlHere} rollout restart deployment rouse-controller`,
      );
    const there = await read(patient, resources.services, { namespace: service.namespace, name: service.name });
    if (there === undefined) return problem(`the webhooks lead to ${where}, which is not there`, 'kubectl apply -f deploy/install.yaml');
    if (there.spec?.ports?.some((each) => each.port === port) !== true)
      return problem(`${where} has no port ${String(port)}, to which the webhooks lead`, 'kubectl apply -f deploy/install.yaml');
    const slices = await readAll(patient, resources.endpointSlices, {
      namespace: service.namespace,
      labelSelector: `kubernetes.io/service-name=${service.name}`,
    });
    const ready = slices.flatMap(({ endpoints }) => (Array.isArray(endpoints) ? endpoints : [])).filter(({ conditions }) => conditions?.ready !== false).length;
    return ready > 0
      ? good(`${where}: ${String(ready)} ready`)
      : problem(`no controller is ready behind ${where}`, `${kubectlHere} get pods; ${kubectlHere} describe pods -l app.kubernetes.io/component=controller`);
  },
};

export const webhooksCa: Check = {
  id: 'webhooks-ca',
  about: 'the API server trusts the certificate of the controllers',
  run: async (patient) => {
    const webhooks = allOf(await registered(patient));
    if (webhooks.length === 0) return skipped('they are not registered');
    const published = (await read(patient, resources.configMaps, { namespace: systemNamespace, name: 'rouse-ca' }))?.data?.['ca.crt'];
    if (published === undefined) return skipped('the ConfigMap rouse-ca is not there (ca-published)');
    const wrong = webhooks.filter(({ clientConfig }) => Buffer.from(clientConfig.caBundle ?? '', 'base64').toString('utf8') !== published);
    if (wrong.length === 0) return good('their caBundle is the CA of the ConfigMap rouse-ca');
    return problem(
      `the caBundle of ${wrong.map((each) => each.name).join(', ')} is not the CA that the controllers use: no call of theirs succeeds`,
      registerAgain,
    );
  },
};

/** Sent as a trial: nothing is created, and the value cannot be one. */
const trial = (namespace: string): object => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'rouse-doctor', namespace, annotations: { [annotation.enabled]: 'true', 'rouse.dev/window': 'rouse-doctor' } },
  spec: {
    replicas: 0,
    selector: { matchLabels: { app: 'rouse-doctor' } },
    template: { metadata: { labels: { app: 'rouse-doctor' } }, spec: { containers: [{ name: 'none', image: 'example.com/none' }] } },
  },
});

/** The namespaced installation's webhooks see only some. */
const seenNamespace = ([first]: readonly Webhook[]): string =>
  first?.namespaceSelector?.matchExpressions?.find(({ key, operator }) => key === 'kubernetes.io/metadata.name' && operator === 'In')?.values?.[0] ?? 'default';

export const webhooksAnswer: Check = {
  id: 'webhooks-answer',
  about: 'admission refuses a setting that cannot be (tried with a server-side dry run)',
  run: async (patient) => {
    const webhooks = allOf(await registered(patient));
    if (webhooks.length === 0) return skipped('they are not registered');
    const namespace = seenNamespace(webhooks);
    const send = createTransport(patient);
    const answer = await send({
      method: 'POST',
      path: `/apis/apps/v1/namespaces/${encodeURIComponent(namespace)}/deployments?dryRun=All`,
      body: trial(namespace),
    });
    if (answer.ok)
      return problem(
        `a Deployment with rouse.dev/window: "rouse-doctor" would be taken: the API server cannot call the webhooks, and goes on without them`,
        `${kubectlHere} get endpointslices -l kubernetes.io/service-name=rouse-controller; see that the control plane may reach port 9443 of the controllers (firewall, NetworkPolicy)`,
      );
    const { message, kind } = answer.problem;
    if (message.includes('rouse.dev/window')) return good(`refused, in namespace ${namespace}`);
    if (kind === 'forbidden' && !message.includes('admission webhook')) return skipped(`you may not try: ${message}`);
    return warning(`something else refused the trial first: ${message}`, `kubectl get validatingwebhookconfigurations,validatingadmissionpolicies`);
  },
};

import { isObject, objectAt, textAt, type JsonObject } from '../json.ts';
import { always, derived, each, otherwise, when, within, type Rule, type Rules } from './rules.ts';

const httpGet = within({ path: otherwise('/'), scheme: otherwise('HTTP') });

const probe = within({
  httpGet,
  grpc: within({ service: otherwise('') }),
  timeoutSeconds: otherwise(1),
  periodSeconds: otherwise(10),
  successThreshold: otherwise(1),
  failureThreshold: otherwise(3),
});

const handler = within({ httpGet });

/** `Always` for `:latest` or no tag, else `IfNotPresent`. */
const pullPolicy = (container: JsonObject): string => {
  const image = textAt(container, 'image') ?? '';
  if (image.includes('@')) return 'IfNotPresent';
  const tag = /:([^/:]+)$/.exec(image)?.[1] ?? 'latest';
  return tag === 'latest' ? 'Always' : 'IfNotPresent';
};

/** A limit without a request is also the request. */
const requestsFromLimits: Rule = (current) => {
  if (!isObject(current)) return current;
  const limits = objectAt(current, 'limits');
  return limits === undefined ? current : { ...current, requests: { ...limits, ...objectAt(current, 'requests') } };
};

const container = (onPod: boolean): Rule =>
  within({
    ports: each(within({ protocol: otherwise('TCP') })),
    env: each(within({ valueFrom: within({ fieldRef: within({ apiVersion: otherwise('v1') }) }) })),
    // Filled in on pods alone, as kube-apiserver does: templates stay as they were written.
    resources: (current) => (onPod ? requestsFromLimits(current ?? {}, {}) : (current ?? {})),
    livenessProbe: probe,
    readinessProbe: probe,
    startupProbe: probe,
    lifecycle: within({ preStop: handler, postStart: handler }),
    terminationMessagePath: otherwise('/dev/termination-log'),
    terminationMessagePolicy: otherwise('File'),
    imagePullPolicy: derived(pullPolicy),
  });

const mode = otherwise(420);

const volume = within({
  configMap: within({ defaultMode: mode }),
  secret: within({ defaultMode: mode }),
  downwardAPI: within({ defaultMode: mode, items: each(within({ fieldRef: within({ apiVersion: otherwise('v1') }) })) }),
  projected: within({ defaultMode: mode, sources: each(within({ serviceAccountToken: within({ expirationSeconds: otherwise(3600) }) })) }),
  hostPath: within({ type: otherwise('') }),
});

const podSpec = (onPod: boolean): Rules => ({
  containers: each(container(onPod)),
  initContainers: each(container(onPod)),
  volumes: each(volume),
  restartPolicy: otherwise('Always'),
  terminationGracePeriodSeconds: otherwise(30),
  dnsPolicy: otherwise('ClusterFirst'),
  // Each of the two names fills in the other.
  serviceAccountName: derived((spec) => textAt(spec, 'serviceAccount')),
  serviceAccount: derived((spec) => textAt(spec, 'serviceAccountName')),
  securityContext: otherwise({}),
  schedulerName: otherwise('default-scheduler'),
});

const tolerationSeconds = 300;
const outages = ['node.kubernetes.io/not-ready', 'node.kubernetes.io/unreachable'];

/** What the admission plugin DefaultTolerationSeconds adds to every pod. */
const tolerateOutages: Rule = (current) => {
  const given: readonly unknown[] = Array.isArray(current) ? current : [];
  const tolerates = (key: string): boolean =>
    given.some((one) => (textAt(one, 'key') ?? key) === key && (textAt(one, 'effect') ?? 'NoExecute') === 'NoExecute');
  const missing = outages.filter((key) => !tolerates(key));
  if (missing.length === 0) return current;
  return [...given, ...missing.map((key) => ({ key, operator: 'Exists', effect: 'NoExecute', tolerationSeconds }))];
};

/** The spec of a pod: that of a template, then what kube-apiserver's own admission plugins add (ServiceAccount, Priority, tolerations). */
export const podSpecRules: Rules = {
  ...podSpec(true),
  serviceAccountName: derived((spec) => textAt(spec, 'serviceAccount') ?? 'default'),
  serviceAccount: derived((spec) => textAt(spec, 'serviceAccountName') ?? 'default'),
  enableServiceLinks: otherwise(true),
  priority: otherwise(0),
  preemptionPolicy: otherwise('PreemptLowerPriority'),
  tolerations: tolerateOutages,
};

/** `spec.template` of a workload. */
export const podTemplate: Rule = always({ spec: when(() => true, always(podSpec(false))) });

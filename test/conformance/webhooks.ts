import type { Context } from './context.ts';
import { until } from './context.ts';
import type { Handler } from './webhook-receiver.ts';

export interface Hook {
  /** Rules of the webhook; default: CREATE and UPDATE of ConfigMaps. */
  readonly rules?: readonly object[];
  /** Fields of the webhook beside those filled in here. */
  readonly more?: object;
  readonly handler: Handler;
}

const rule = (operations: readonly string[], group: string, version: string, ...resources: readonly string[]) => ({
  operations,
  apiGroups: [group],
  apiVersions: [version],
  resources,
});
export const configMapRule = (...operations: readonly string[]): object => rule(operations, '', 'v1', 'configmaps');
export const deploymentRule = (operations: readonly string[], ...resources: readonly string[]): object => rule(operations, 'apps', 'v1', ...resources);

export type HookKind = 'mutating' | 'validating';
export const configurations = (kind: HookKind): string => `/apis/admissionregistration.k8s.io/v1/${kind}webhookconfigurations`;

/** A webhook of this case alone: it sees objects with label `hook: <id of the case>` in the case's namespace. */
export const webhookFor = (c: Context, path: string, { rules = [configMapRule('CREATE', 'UPDATE')], more = {} }: Omit<Hook, 'handler'>): object => ({
  name: `${path.replaceAll(/[^a-z0-9]/g, '-')}.conformance.rouse.dev`,
  clientConfig: { url: c.receiver.url(path), caBundle: c.receiver.caBundle },
  rules,
  objectSelector: { matchLabels: { hook: c.id } },
  namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': c.ns } },
  admissionReviewVersions: ['v1'],
  sideEffects: 'None',
  timeoutSeconds: 5,
  ...more,
});

/** The labels by which an object meets the hooks of this case. */
export const hooked = (c: Context): Readonly<Record<string, string>> => ({ hook: c.id });

/** Registers webhooks, waits until the server calls them, and takes them away at the end of the case. */
export const register = async (c: Context, kind: HookKind, hooks: readonly Hook[], suffix = ''): Promise<void> => {
  const name = `${c.id}${suffix}`;
  const probe = `${name}-probe`;
  let called = false;
  const offs = [c.receiver.on(probe, () => ({ allowed: (called = true) }))];
  for (const [index, hook] of hooks.entries()) offs.push(c.receiver.on(`${name}-${index}`, hook.handler));
  const probing = webhookFor(c, probe, { rules: [configMapRule('CREATE')], more: { objectSelector: { matchLabels: { probe } }, failurePolicy: 'Ignore' } });
  const body = { metadata: { name }, webhooks: [probing, ...hooks.map((hook, index) => webhookFor(c, `${name}-${index}`, hook))] };
  c.atEnd(async () => {
    await c.api.delete(`${configurations(kind)}/${name}`);
    for (const off of offs) off();
  });
  (await c.api.post(configurations(kind), body)).is(201);
  await until(
    async () => {
      (await c.api.post(c.path('configmaps'), { metadata: { name: probe, labels: { probe } } }, { query: { dryRun: 'All' } })).is(201);
      return { done: called, value: undefined };
    },
    () => 'the server to call the webhook',
  );
};

/** An answer that lets the request pass with this JSON patch. */
export const patching = (...operations: readonly object[]): object => ({
  allowed: true,
  patchType: 'JSONPatch',
  patch: Buffer.from(JSON.stringify(operations)).toString('base64'),
});

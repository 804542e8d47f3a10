import { isDeepStrictEqual } from 'node:util';
import { failed, ok, type Result } from '../core/index.ts';
import { resources, type KubeClient, type KubeObject, type Refusal, type Resource } from '../kube/index.ts';
import { webhookConfigurationName, webhookConfigurations, type WebhookAddress } from './configurations.ts';
import type { AdmittedKind } from './ports.ts';

type WithWebhooks = KubeObject & { readonly webhooks?: readonly object[] };

/** How often a lost race with another replica is run again. */
const attempts = 5;

/** True if `have` says all that `want` says; what the API server filled in is none of our business. */
const covers = (have: unknown, want: unknown): boolean => {
  if (Array.isArray(want))
    return Array.isArray(have) && have.length === want.length && want.every((entry, at) => covers((have as readonly unknown[])[at], entry));
  if (typeof want !== 'object' || want === null) return isDeepStrictEqual(have, want);
  if (typeof have !== 'object' || have === null) return false;
  const there = new Map<string, unknown>(Object.entries(have));
  return Object.entries(want).every(([key, value]) => value === undefined || covers(there.get(key), value));
};

const put = async <T extends WithWebhooks>(
  client: KubeClient,
  resource: Resource<T>,
  wanted: T,
  signal: AbortSignal | undefined,
): Promise<Result<boolean, Refusal>> => {
  let last: Refusal | undefined;
  for (let attempt = 0; attempt < attempts; attempt += 1) {
    const have = await client.get(resource, { name: webhookConfigurationName }, signal);
    if (have.ok && covers(have.value.webhooks, wanted.webhooks)) return ok(false);
    if (!have.ok && have.problem.kind !== 'not-found') return have;
    const version = have.ok ? have.value.metadata?.resourceVersion : undefined;
    const written = have.ok
      ? await client.mergePatch(resource, { name: webhookConfigurationName }, { metadata: { resourceVersion: version }, webhooks: wanted.webhooks }, signal)
      : await client.create(resource, wanted, signal);
    if (written.ok) return ok(true);
    last = written.problem;
    if (last.kind !== 'conflict' && last.kind !== 'already-exists' && last.kind !== 'not-found') return written;
  }
  return failed(last ?? { kind: 'conflict', message: 'other writers were always faster', status: 409, retryAfterMs: undefined });
};

/** Makes the API server call us, or brings address and CA of that up to date. `kinds`: what may be a workload; `places`: pods too. Idempotent and safe from several replicas at once; the value says whether anything was written. */
export const registerWebhooks = async (
  client: KubeClient,
  address: WebhookAddress,
  namespaces?: readonly string[],
  signal?: AbortSignal,
  kinds?: readonly AdmittedKind[],
  places?: boolean,
): Promise<Result<boolean, Refusal>> => {
  const { mutating, validating } = webhookConfigurations(address, namespaces, kinds, places);
  const first = await put(client, resources.mutatingWebhookConfigurations, mutating, signal);
  if (!first.ok) return first;
  const second = await put(client, resources.validatingWebhookConfigurations, validating, signal);
  return second.ok ? ok(first.value || second.value) : second;
};

/** Ends it. Nothing to delete is fine. */
export const unregisterWebhooks = async (client: KubeClient, signal?: AbortSignal): Promise<Result<void, Refusal>> => {
  for (const resource of [resources.mutatingWebhookConfigurations, resources.validatingWebhookConfigurations]) {
    const deleted = await client.delete(resource, { name: webhookConfigurationName }, {}, signal);
    if (!deleted.ok && deleted.problem.kind !== 'not-found') return deleted;
  }
  return ok(undefined);
};

import { isDeepStrictEqual } from 'node:util';
import { resources, type KubeObject, type Resource } from '../../src/kube/index.ts';
import type { TestLocal } from './local.ts';

interface Webhook {
  readonly clientConfig: { readonly url?: string };
  readonly timeoutSeconds?: number;
}
type Change = (webhook: Webhook) => Webhook;

/**
 * Makes the API server call the webhooks as `change` says, from now on: the controller, which puts back its own registration every 20 s, is overruled at once.
 * The function that it gives takes another change in its place. `change` of what is changed already has to change nothing.
 */
export const holdWebhooks = async ({ local }: Pick<TestLocal, 'local'>, change: Change): Promise<(next: Change) => Promise<void>> => {
  const { api } = local.cluster.api;
  let now = change;
  const puts: (() => Promise<void>)[] = [];
  const hold = <T extends KubeObject & { readonly webhooks?: readonly object[] }>(resource: Resource<T>): void => {
    const put = async (): Promise<void> => {
      const found = api.get(resource, undefined, 'rouse');
      const webhooks = found?.webhooks?.map((webhook) => now(webhook as Webhook));
      if (found !== undefined && !isDeepStrictEqual(webhooks, found.webhooks)) await api.update<T>(resource, { ...found, webhooks }, 'test');
    };
    puts.push(put);
    // Refused where somebody else was faster, which is told too.
    api.watch(resource, () => void put().catch(() => undefined));
  };
  hold(resources.mutatingWebhookConfigurations);
  hold(resources.validatingWebhookConfigurations);
  const become = async (next: Change): Promise<void> => {
    now = next;
    for (const put of puts) await put();
  };
  await become(change);
  return become;
};

/** The API server goes on without us where a review is not answered within 2 s, which a busy machine may need: it waits as long as it may. */
export const patientAdmission: Change = (webhook) => ({ ...webhook, timeoutSeconds: 30 });

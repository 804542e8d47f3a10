import type { ApiClient } from './api-client.ts';

interface Configuration {
  readonly webhooks?: readonly object[];
}

/** The API server goes on without us where a review is not answered within 2 s, which a busy machine may need: from now on it waits as long as it may. */
export const patientAdmission = async (api: ApiClient): Promise<void> => {
  for (const kind of ['mutating', 'validating']) {
    const path = `/apis/admissionregistration.k8s.io/v1/${kind}webhookconfigurations/rouse`;
    const { webhooks = [] } = (await api('GET', path)).body as Configuration;
    const { status, body } = await api.patch(path, { webhooks: webhooks.map((webhook) => ({ ...webhook, timeoutSeconds: 30 })) });
    if (status !== 200 || webhooks.length === 0) throw new Error(JSON.stringify(body));
  }
};

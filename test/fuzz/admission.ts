import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { annotation, printSavedSelector, silentLogger, systemClock } from '../../src/core/index.ts';
import { createWebhookApp } from '../../src/webhooks/index.ts';
import type { FuzzTarget } from './target.ts';

const review = (resource: string, group: string, object: unknown, oldObject?: unknown): string =>
  JSON.stringify({
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    request: {
      uid: 'u-1',
      resource: { group, version: 'v1', resource },
      namespace: 'default',
      name: 'web',
      operation: oldObject === undefined ? 'CREATE' : 'UPDATE',
      userInfo: { username: 'alice' },
      options: { fieldManager: 'kubectl' },
      object,
      ...(oldObject === undefined ? {} : { oldObject }),
    },
  });

const on = { [annotation.enabled]: 'true', 'rouse.dev/window': '60s', 'rouse.dev/schedule': '- {days: mon, from: 08:00, to: 18:00, timezone: UTC, min: 1}' };
const managedFields = [{ manager: 'flux', operation: 'Apply', fieldsV1: { 'f:spec': { 'f:replicas': {}, 'f:selector': {} } } }];
const deployment = { metadata: { annotations: on, managedFields }, spec: { replicas: 2, template: { metadata: { labels: { app: 'web' } }, spec: {} } } };
const saved = printSavedSelector({ v: 1, workload: 'default/web', selector: { app: 'web' }, owners: [] });
const takenOver = {
  metadata: { annotations: { [annotation.selector]: saved, [annotation.gatewayPorts]: '80=20000' }, managedFields },
  spec: { ports: [{ port: 80 }] },
};

/** The webhooks: whatever comes, the answer is 200 with an AdmissionReview, or a 4xx that says why. */
export const admission = async (): Promise<FuzzTarget> => {
  const app = createWebhookApp({
    isSelf: () => false,
    inherited: () => ({ cluster: {}, namespace: {} }),
    servicesIn: () => [],
    autoscalerOf: () => Promise.resolve(undefined),
    onboarded: () => ({ mode: 'enforce', adoptHpa: false }),
    clock: systemClock,
    logger: silentLogger,
  });
  const server = createServer(app).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/admission/`;
  let turn = 0;
  return {
    name: 'admission',
    corpus: [
      review('deployments', 'apps', deployment),
      review('statefulsets', 'apps', deployment, { metadata: {}, spec: { replicas: 1 } }),
      review('services', '', { ...takenOver, spec: { selector: { app: 'web' } } }, takenOver),
      review('horizontalpodautoscalers', 'autoscaling', { spec: { scaleTargetRef: { kind: 'Deployment', name: 'web' } } }),
    ],
    check: async (input) => {
      turn += 1;
      const answer = await fetch(`${url}${turn % 2 === 0 ? 'mutate' : 'validate'}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: new Uint8Array(input),
      });
      const body = (await answer.json()) as { kind?: string; response?: { allowed?: boolean }; error?: string };
      const fine =
        answer.status === 200
          ? body.kind === 'AdmissionReview' && typeof body.response?.allowed === 'boolean'
          : answer.status < 500 && typeof body.error === 'string';
      if (!fine) throw new Error(`answered ${answer.status} ${JSON.stringify(body).slice(0, 500)}`);
    },
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
};

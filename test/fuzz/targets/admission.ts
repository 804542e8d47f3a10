import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { inspect } from 'node:util';
import { applyPatch } from 'rfc6902';
import { Agent, request } from 'undici';
import { printSavedSelector, silentLogger, systemClock } from '../../../src/core/index.ts';
import { serviceView } from '../../../src/kube/index.ts';
import { createWebhookApp } from '../../../src/webhooks/index.ts';
import { insist } from '../insist.ts';
import type { FuzzTarget } from '../target.ts';

/** AdmissionReviews to the webhooks over HTTP: answers are valid, patches fit the object, and judging twice gives the same. */

const template = {
  metadata: { labels: { app: 'web' }, annotations: { 'autoscaling.knative.dev/minScale': '1' } },
  spec: { containers: [{ name: 'a', image: 'a:1' }] },
};
const deployment = (annotations: Record<string, string>, replicas: number): object => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: {
    name: 'web',
    namespace: 'default',
    annotations,
    managedFields: [{ manager: 'argo', operation: 'Apply', apiVersion: 'apps/v1', fieldsV1: { 'f:spec': { 'f:replicas': {} } } }],
  },
  spec: { replicas, selector: { matchLabels: { app: 'web' } }, template },
});
const on = {
  'rouse.dev/enabled': 'true',
  'rouse.dev/window': '60s',
  'rouse.dev/state': '{"v":1,"replicasBefore":2}',
  'rouse.dev/status': '{"v":1,"desired":1,"reason":"idle","since":"2026-01-01T00:00:00Z"}',
};
const saved = printSavedSelector({
  v: 1,
  workload: 'default/web',
  selector: { app: 'web' },
  owners: [{ manager: 'argo', operation: 'Apply', apiVersion: 'v1', fields: { 'f:app': {} } }],
});
const service = (annotations: Record<string, string>, spec: object): object => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'web', namespace: 'default', annotations },
  spec: { ports: [{ name: 'http', port: 80, targetPort: 'http' }], ...spec },
});
const autoscaler = {
  apiVersion: 'autoscaling/v2',
  kind: 'HorizontalPodAutoscaler',
  metadata: { name: 'web', namespace: 'default' },
  spec: { scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' }, minReplicas: 1, maxReplicas: 3 },
};

const review = (group: string, resource: string, object: object, oldObject: object | null, fieldManager?: string): string =>
  JSON.stringify({
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    request: {
      uid: 'u-1',
      resource: { group, version: 'v1', resource },
      name: 'web',
      namespace: 'default',
      operation: oldObject === null ? 'CREATE' : 'UPDATE',
      userInfo: { username: 'alice', groups: ['a'] },
      options: { kind: 'UpdateOptions', ...(fieldManager === undefined ? {} : { fieldManager }) },
      dryRun: false,
      object,
      oldObject,
    },
  });

const corpus = [
  review(
    'apps',
    'deployments',
    deployment(
      { 'rouse.dev/enabled': 'true', 'rouse.dev/min-scale': '1', 'rouse.dev/schedule': '- {days: [mon], from: "08:00", to: "09:00", timezone: UTC}' },
      3,
    ),
    null,
  ),
  review('apps', 'deployments', deployment(on, 0), deployment(on, 3), 'kubectl-client-side-apply'),
  review('apps', 'deployments', deployment({ 'rouse.dev/enabled': 'false' }, 1), deployment(on, 3), 'kubectl'),
  review('apps', 'deployments', { ...deployment({}, 3), spec: { replicas: 3, template: { ...template, spec: {} } } }, deployment(on, 3)),
  review(
    '',
    'services',
    service({ 'rouse.dev/selector': saved, 'rouse.dev/gateway-ports': '80=20000' }, { selector: { app: 'web2' } }),
    service({ 'rouse.dev/selector': saved, 'rouse.dev/gateway-ports': '80=20000' }, {}),
    'argo',
  ),
  review('autoscaling', 'horizontalpodautoscalers', autoscaler, null),
];

interface Review {
  readonly apiVersion?: unknown;
  readonly kind?: unknown;
  readonly response?: {
    readonly uid?: unknown;
    readonly allowed?: unknown;
    readonly patch?: unknown;
    readonly patchType?: unknown;
    readonly warnings?: unknown;
    readonly status?: { readonly code?: unknown; readonly message?: unknown };
  };
}
interface Sent {
  readonly request: { readonly uid: string; readonly resource: { readonly resource: string }; readonly object: object };
}

const isRecord = (value: unknown): boolean => typeof value === 'object' && value !== null && !Array.isArray(value);
/** An API server decodes the object into its type before it asks anybody: `metadata` and `spec` are there, and objects. */
const isTyped = (object: object): boolean => 'metadata' in object && 'spec' in object && isRecord(object.metadata) && isRecord(object.spec);
const isService = ({ request: { resource } }: Sent): boolean => resource.resource === 'services';

type Post = (path: string, body: Buffer | string) => Promise<{ readonly status: number; readonly text: string }>;

const checkAnswer = (sent: Sent, answer: Review): object | undefined => {
  const { response } = answer;
  insist(
    answer.apiVersion === 'admission.k8s.io/v1' && answer.kind === 'AdmissionReview' && response !== undefined,
    'the answer is an AdmissionReview',
    answer,
  );
  insist(response.uid === sent.request.uid, 'the answer is to this request', response.uid);
  insist(typeof response.allowed === 'boolean', 'the answer says yes or no', response);
  const warnings = response.warnings ?? [];
  insist(Array.isArray(warnings) && warnings.every((warning) => typeof warning === 'string' && warning.length <= 300), 'warnings are short texts', warnings);
  if (!response.allowed) {
    insist(
      typeof response.status?.message === 'string' && response.status.message !== '' && typeof response.status.code === 'number',
      'a refusal says why',
      response,
    );
    return undefined;
  }
  if (response.patch === undefined || !isTyped(sent.request.object)) return sent.request.object;
  insist(response.patchType === 'JSONPatch' && typeof response.patch === 'string', 'a patch is a JSONPatch', response);
  const patched = structuredClone(sent.request.object);
  const failures = applyPatch(patched, JSON.parse(Buffer.from(response.patch, 'base64').toString('utf8')) as Parameters<typeof applyPatch>[1]);
  insist(
    failures.every((failure) => failure === null),
    'the patch fits the object',
    failures.map(String),
  );
  return patched;
};

const checkReview = async (post: Post, input: Buffer): Promise<void> => {
  for (const path of ['/admission/validate', '/admission/mutate']) {
    const answer = await post(path, input);
    insist([200, 400, 413].includes(answer.status), 'the status is one that is documented', answer);
    const body = JSON.parse(answer.text) as Review & { readonly error?: unknown };
    if (answer.status !== 200) {
      insist(typeof body.error === 'string', 'a refusal to read says why', body);
      continue;
    }
    const sent = JSON.parse(input.toString('utf8')) as Sent;
    const patched = checkAnswer(sent, body);
    // Only workloads' webhook may be called again after other webhooks have been.
    if (path !== '/admission/mutate' || patched === undefined || patched === sent.request.object || isService(sent)) continue;
    const again = await post(path, JSON.stringify({ ...sent, request: { ...sent.request, object: patched } }));
    insist(again.status === 200, 'what was mutated can be judged again', again);
    const settled = JSON.parse(again.text) as Review;
    insist(
      settled.response?.patch === undefined,
      'mutating again changes nothing',
      [body.response?.patch, settled.response?.patch].map((patch) => (typeof patch === 'string' ? Buffer.from(patch, 'base64').toString() : '')),
    );
  }
};

export const admissionTarget = async (): Promise<FuzzTarget> => {
  let ours: unknown;
  const app = createWebhookApp({
    isSelf: ({ user }) => user === 'system:serviceaccount:rouse-system:rouse-controller',
    inherited: () => ({ cluster: {}, namespace: {} }),
    servicesIn: () => [
      serviceView({
        metadata: { name: 'web', namespace: 'default' },
        spec: { selector: { app: 'web' }, externalTrafficPolicy: 'Local', ports: [{ port: 80 }] },
      }),
    ],
    autoscalerOf: () => Promise.resolve(undefined),
    onboarded: ({ name }) => (name === 'web' ? { mode: 'enforce', adoptHpa: false } : undefined),
    clock: systemClock,
    logger: { ...silentLogger, error: (_message, fields) => (ours = fields?.error) },
  });
  const server = createServer(app).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const dispatcher = new Agent({ connections: 1 });
  const post: Post = async (path, body) => {
    const answer = await request(`${origin}${path}`, { method: 'POST', body, headers: { 'content-type': 'application/json' }, dispatcher });
    return { status: answer.statusCode, text: await answer.body.text() };
  };
  return {
    name: 'admission',
    format: 'json',
    corpus,
    check: async (input) => {
      ours = undefined;
      try {
        await checkReview(post, input);
      } catch (error) {
        throw ours === undefined ? error : new Error(`the webhook failed: ${inspect(ours)}`, { cause: error });
      }
    },
    close: async () => {
      await dispatcher.destroy();
      server.closeAllConnections();
      server.close();
    },
  };
};

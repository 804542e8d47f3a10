import { Agent, request } from 'undici';
import { seededRandom, silentLogger, systemClock } from '../../../src/core/index.ts';
import { resources, type Resource } from '../../../src/kube/index.ts';
import { startControllers, startEmbeddedApi, type StoredObject } from '../../../src/local/index.ts';
import { insist } from '../insist.ts';
import type { FuzzTarget } from '../target.ts';

/** Requests to the embedded API over HTTP: every answer is one that the API documents, and what is stored stays whole. */

const deployment = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web', labels: { a: 'b' }, annotations: { a: 'b' } },
  spec: {
    replicas: 1,
    selector: { matchLabels: { app: 'web' } },
    strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: '25%', maxUnavailable: 1 } },
    template: {
      metadata: { labels: { app: 'web' } },
      spec: {
        containers: [
          {
            name: 'a',
            image: 'a:1',
            env: [{ name: 'A', value: 'b' }],
            ports: [{ name: 'http', containerPort: 80 }],
            readinessProbe: { httpGet: { path: '/', port: 'http' } },
            resources: { requests: { cpu: '100m' } },
          },
        ],
      },
    },
  },
};
const service = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'web' },
  spec: { selector: { app: 'web' }, ports: [{ name: 'http', port: 80, targetPort: 'http' }] },
};
const slice = {
  apiVersion: 'discovery.k8s.io/v1',
  kind: 'EndpointSlice',
  metadata: { name: 'web-1', labels: { 'kubernetes.io/service-name': 'web' } },
  addressType: 'IPv4',
  endpoints: [{ addresses: ['10.0.0.1'], conditions: { ready: true } }],
  ports: [{ name: 'http', port: 80, protocol: 'TCP' }],
};
const configMap = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'cm', finalizers: ['a.example/x'] }, data: { a: '1' } };

/** One request; `json` and `merge` … stand for the content types. */
interface Call {
  readonly method?: unknown;
  readonly path?: unknown;
  readonly query?: unknown;
  readonly type?: unknown;
  readonly body?: unknown;
}
const types: Readonly<Record<string, string>> = {
  json: 'application/json',
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  patch: 'application/json-patch+json',
  apply: 'application/apply-patch+yaml',
  yaml: 'application/yaml',
};
const deployments = '/apis/apps/v1/namespaces/default/deployments';
const create = { method: 'POST', path: deployments, type: 'json', body: deployment };
const calls: readonly (readonly Call[])[] = [
  [
    create,
    { method: 'PATCH', path: `${deployments}/web`, type: 'merge', body: { spec: { replicas: 2 }, metadata: { labels: { a: null } } } },
    { method: 'GET', path: deployments, query: 'labelSelector=a%3Db&limit=5' },
  ],
  [
    create,
    {
      method: 'PATCH',
      path: `${deployments}/web`,
      type: 'strategic',
      body: { spec: { template: { spec: { $setElementOrder: [], containers: [{ name: 'a', env: [{ name: 'A', $patch: 'delete' }] }] } } } },
    },
    { method: 'PATCH', path: `${deployments}/web/scale`, type: 'merge', body: { spec: { replicas: 3 } } },
  ],
  [
    create,
    {
      method: 'PATCH',
      path: `${deployments}/web`,
      type: 'patch',
      body: [
        { op: 'replace', path: '/spec/replicas', value: 5 },
        { op: 'remove', path: '/metadata/labels/a' },
        { op: 'test', path: '/kind', value: 'Deployment' },
      ],
    },
  ],
  [
    { method: 'PATCH', path: `${deployments}/web`, query: 'fieldManager=a&force=true', type: 'apply', body: deployment },
    {
      method: 'PATCH',
      path: `${deployments}/web`,
      query: 'fieldManager=b',
      type: 'apply',
      body: { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'web' }, spec: { replicas: 4 } },
    },
  ],
  [
    { method: 'POST', path: '/api/v1/namespaces/default/services', type: 'json', body: service },
    { method: 'PUT', path: '/api/v1/namespaces/default/services/web', type: 'json', body: service },
    { method: 'DELETE', path: '/api/v1/namespaces/default/services/web', type: 'json', body: { propagationPolicy: 'Foreground' } },
  ],
  [
    { method: 'POST', path: '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices', type: 'json', body: slice },
    { method: 'GET', path: '/apis/discovery.k8s.io/v1/endpointslices', query: 'fieldSelector=metadata.name%3Dweb-1' },
    { method: 'DELETE', path: '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices' },
  ],
  [
    { method: 'POST', path: '/api/v1/namespaces/default/configmaps', query: 'dryRun=All&fieldValidation=Strict', type: 'json', body: configMap },
    { method: 'POST', path: '/api/v1/namespaces/default/configmaps', type: 'json', body: configMap },
    { method: 'DELETE', path: '/api/v1/namespaces/default/configmaps/cm' },
    { method: 'PATCH', path: '/api/v1/namespaces/default/configmaps/cm', type: 'merge', body: { metadata: { finalizers: null, managedFields: [{}] } } },
  ],
  [
    {
      method: 'GET',
      path: '/api/v1/pods',
      query: 'resourceVersion=0&limit=2&resourceVersionMatch=NotOlderThan&continue=x',
    },
  ],
];

interface Status {
  readonly kind?: unknown;
  readonly status?: unknown;
  readonly reason?: unknown;
  readonly message?: unknown;
  readonly code?: unknown;
}

/** 504: a resourceVersion of the future is waited for in vain. 500: what kube-apiserver says of a strategic or applied patch without the keys of its lists (and nothing of our own: that would be logged). */
const isDocumented = (status: number, { method, type }: Call): boolean =>
  status < 500 || status === 504 || (status === 500 && method === 'PATCH' && (type === 'strategic' || type === 'apply'));

const checkAnswer = (status: number, text: string, call: Call): void => {
  insist(isDocumented(status, call), `no answer is an error of the server (${status})`, [call, text.slice(0, 500)]);
  if (status < 400) return;
  const body = JSON.parse(text) as Status;
  insist(
    body.kind === 'Status' && body.status === 'Failure' && body.code === status && typeof body.message === 'string',
    'a refusal is a Status that says why',
    [call, body],
  );
};

const kinds: readonly Resource[] = [
  resources.deployments,
  resources.replicaSets,
  resources.pods,
  resources.services,
  resources.endpointSlices,
  resources.endpoints,
  resources.configMaps,
];

export const embeddedApiTarget = async (): Promise<FuzzTarget> => {
  const logged: unknown[] = [];
  const logger = { ...silentLogger, error: (message: string, fields?: { readonly error?: unknown }) => void logged.push([message, fields?.error]) };
  const random = seededRandom(1);
  const cluster = await startEmbeddedApi({
    clock: systemClock,
    random,
    logger,
    httpsPort: 0,
    httpPort: 0,
    logSource: { open: () => ({ kind: 'missing', message: 'no logs' }) },
  });
  const controllers = startControllers(cluster.api, systemClock, random, logger);
  const dispatcher = new Agent({ connections: 1 });
  const base = cluster.httpUrl ?? '';
  const ask = async (method: string, path: string, type?: string, body?: string): Promise<{ readonly status: number; readonly text: string }> => {
    const answer = await request(`${base}${path}`, {
      method: method as 'GET',
      dispatcher,
      ...(body === undefined ? {} : { body }),
      ...(type === undefined ? {} : { headers: { 'content-type': type } }),
    });
    return { status: answer.statusCode, text: await answer.body.text() };
  };
  /** What watches from the beginning have told is there. */
  const told = new Map<string, StoredObject>();
  for (const kind of kinds)
    cluster.api.watch(kind, ({ type, object }) => {
      if (type === 'DELETED') told.delete(object.metadata.uid);
      else told.set(object.metadata.uid, object);
    });
  const checkStore = (): void => {
    const stored = new Map(kinds.flatMap((kind) => cluster.api.list(kind)).map(({ metadata }) => [metadata.uid, metadata]));
    for (const metadata of stored.values()) {
      insist(metadata.name !== '' && metadata.uid !== '' && /^\d+$/.test(metadata.resourceVersion), 'what is stored is whole', metadata);
      const known = told.get(metadata.uid);
      insist(known === undefined || known.metadata.resourceVersion === metadata.resourceVersion, 'watches told the newest of it', metadata);
    }
    for (const { metadata } of told.values()) insist(stored.has(metadata.uid), 'what watches told of is there, or they told that it has gone', metadata);
  };
  const clean = async (): Promise<void> => {
    for (const path of [
      deployments,
      '/apis/apps/v1/namespaces/default/replicasets',
      '/api/v1/namespaces/default/pods',
      '/api/v1/namespaces/default/configmaps',
      '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices',
      '/api/v1/namespaces/default/events',
    ])
      await ask('DELETE', `${path}?gracePeriodSeconds=0`);
    for (const { metadata } of cluster.api.list(resources.services, 'default')) await ask('DELETE', `/api/v1/namespaces/default/services/${metadata.name}`);
    for (const { metadata } of cluster.api.list(resources.configMaps, 'default'))
      await ask('PATCH', `/api/v1/namespaces/default/configmaps/${metadata.name}`, types.merge, '{"metadata":{"finalizers":null}}');
  };
  const run = async (call: Call): Promise<void> => {
    const { method, path, query, type, body } = call;
    if (typeof method !== 'string' || !/^(GET|POST|PUT|PATCH|DELETE)$/.test(method) || typeof path !== 'string' || !/^\/[\x21-\x7e]*$/.test(path)) return;
    // Streams are the conformance suite's; here each would cost a second.
    if (typeof query === 'string' && /watch|follow/.test(query)) return;
    const asked = typeof query === 'string' && /^[\x21-\x7e]+$/.test(query) ? `${path}?${query}` : path;
    const text = body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body);
    const { status, text: answered } = await ask(
      method,
      asked.replace('#', ''),
      typeof type === 'string' ? (types[type] ?? 'application/json') : undefined,
      method === 'GET' ? undefined : text,
    );
    checkAnswer(status, answered, call);
  };
  return {
    name: 'embedded-api',
    format: 'json',
    corpus: calls.map((each) => JSON.stringify(each)),
    check: async (input) => {
      let list: unknown;
      try {
        list = JSON.parse(input.toString('utf8'));
      } catch {
        // No JSON: sent as it is, as the body of a create.
        const { status, text } = await ask('POST', deployments, 'application/json', input.toString('utf8'));
        checkAnswer(status, text, { method: 'POST', body: input.toString('utf8').slice(0, 200) });
        return;
      }
      for (const each of Array.isArray(list) ? (list as readonly unknown[]).slice(0, 10) : []) if (typeof each === 'object' && each !== null) await run(each);
      checkStore();
      await clean();
      insist(logged.length === 0, 'nothing failed inside', logged.splice(0).map(String));
    },
    close: async () => {
      controllers.close();
      await dispatcher.destroy();
      await cluster.close();
    },
  };
};

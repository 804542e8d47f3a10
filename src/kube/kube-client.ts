import { fieldManager as ourFieldManager, failed, ok, type Clock, type Millis, type Result } from '../core/index.ts';
import type { KubeClient, ObjectName, Outcome, ScaleState, TokenIdentity } from './client.ts';
import type { KubeConnection } from './connection.ts';
import { listAll } from './list.ts';
import { invalidRequest, unavailable, type Refusal } from './outcome.ts';
import { collectionPath, objectPath, withQuery } from './paths.ts';
import { at, flag, integer, isRecord, text, texts } from './reader.ts';
import type { KubeObject, Resource } from './resource.ts';
import { createTransport, type Call, type Transport } from './transport.ts';

export interface KubeClientOptions {
  readonly connection: KubeConnection;
  readonly clock: Pick<Clock, 'after'>;
  /** Per call; default 10 s. Past it the call is `unavailable`. */
  readonly timeout?: Millis;
  /** Default: ours. */
  readonly fieldManager?: string;
  readonly userAgent?: string;
}

/**
 * The client for a real (or embedded) API server. Answers are the wire JSON as it is: timestamps stay strings. A call rejects only
 * with the reason of its own signal; everything else is a `Refusal`. A read, replacement, patch or deletion that hits a kept-alive connection
 * in the moment in which the server closes it goes out once more; nothing else is retried.
 */
export const createKubeClient = ({ fieldManager = ourFieldManager, ...options }: KubeClientOptions): KubeClient => {
  const send = createTransport(options);
  const onObject = async (resource: Resource, name: ObjectName, call: (path: string) => Call, subresource?: 'scale'): Promise<Result<unknown, Refusal>> => {
    const path = objectPath(resource, name, subresource);
    return path === undefined ? failed(unnamed(resource, name)) : send(call(path));
  };
  const write = (path: string): string => withQuery(path, { fieldManager });
  const scale = mapped(toScaleState);
  return {
    get: async <T extends KubeObject>(resource: Resource<T>, name: ObjectName, signal?: AbortSignal) =>
      asObject<T>(await onObject(resource, name, (path) => ({ method: 'GET', path, signal }))),
    list: (resource, selection, signal) => listAll(send, resource, selection, signal),
    create: async <T extends KubeObject>(resource: Resource<T>, object: T, signal?: AbortSignal) => {
      const namespace = object.metadata?.namespace;
      if (resource.namespaced && !namespace) return failed(unnamed(resource, { name: object.metadata?.name ?? '' }));
      return asObject<T>(await send({ method: 'POST', path: write(collectionPath(resource, namespace)), body: withKind(resource, object), signal }));
    },
    replace: async <T extends KubeObject>(resource: Resource<T>, object: T, signal?: AbortSignal) => {
      const name = { namespace: object.metadata?.namespace, name: object.metadata?.name ?? '' };
      return asObject<T>(await onObject(resource, name, (path) => ({ method: 'PUT', path: write(path), body: withKind(resource, object), signal })));
    },
    mergePatch: async <T extends KubeObject>(resource: Resource<T>, name: ObjectName, patch: unknown, signal?: AbortSignal) =>
      asObject<T>(await onObject(resource, name, (path) => mergePatchCall(write(path), patch, signal))),
    delete: async (resource, name, { uid, resourceVersion, propagation } = {}, signal) => {
      const preconditions = { ...(uid === undefined ? {} : { uid }), ...(resourceVersion === undefined ? {} : { resourceVersion }) };
      const body = { apiVersion: 'v1', kind: 'DeleteOptions', preconditions, ...(propagation === undefined ? {} : { propagationPolicy: propagation }) };
      const done = await onObject(resource, name, (path) => ({ method: 'DELETE', path, body, signal }));
      return done.ok ? ok(undefined) : done;
    },
    readScale: async (resource, name, signal) => scale(await onObject(resource, name, (path) => ({ method: 'GET', path, signal }), 'scale')),
    writeScale: async (resource, name, replicas, resourceVersion, signal) => {
      if (!Number.isInteger(replicas) || replicas < 0) return failed(invalidRequest(`replicas must be a whole number ≥ 0, not ${String(replicas)}`));
      const patch = { spec: { replicas }, ...(resourceVersion === undefined ? {} : { metadata: { resourceVersion } }) };
      return scale(await onObject(resource, name, (path) => mergePatchCall(write(path), patch, signal), 'scale'));
    },
    reviewToken: (token, audiences, signal) => reviewToken(send, token, audiences, signal),
    version: async (signal) => mapped(toVersion)(await send({ method: 'GET', path: '/version', signal })),
  };
};

const mergePatchCall = (path: string, body: unknown, signal: AbortSignal | undefined): Call => ({
  method: 'PATCH',
  path,
  body,
  contentType: 'application/merge-patch+json',
  signal,
});

const unnamed = (resource: Resource, { namespace, name }: ObjectName): Refusal =>
  invalidRequest(
    `${resource.kind} needs ${resource.namespaced ? 'a namespace and ' : ''}a name, got "${namespace === undefined ? '' : `${namespace}/`}${name}"`,
  );

/** The API server wants both in the body of POST and PUT; typed objects often leave them out. */
const withKind = <T extends KubeObject>(resource: Resource<T>, object: T): unknown => ({
  apiVersion: resource.group === '' ? resource.version : `${resource.group}/${resource.version}`,
  kind: resource.kind,
  ...object,
});

/** The type of an object is what the API server says it is: nothing past "it is an object" is checked here. */
const asObject = <T extends KubeObject>(answer: Result<unknown, Refusal>): Awaited<Outcome<T>> => {
  if (!answer.ok) return answer;
  return isRecord(answer.value) ? ok(answer.value as unknown as T) : failed(unavailable('the answer is no object'));
};

const mapped =
  <T>(read: (document: unknown) => T | undefined) =>
  (answer: Result<unknown, Refusal>): Result<T, Refusal> => {
    if (!answer.ok) return answer;
    const value = read(answer.value);
    return value === undefined ? failed(unavailable('the answer is not of the expected form')) : ok(value);
  };

/** `spec.replicas` of a Scale is left out on the wire when it is 0. */
const toScaleState = (document: unknown): ScaleState | undefined => {
  const resourceVersion = text(at(document, 'metadata', 'resourceVersion'));
  if (resourceVersion === undefined) return undefined;
  return { replicas: integer(at(document, 'spec', 'replicas')) ?? 0, resourceVersion, selector: text(at(document, 'status', 'selector')) ?? '' };
};

/** Providers decorate the minor version (`36+`). */
const toVersion = (document: unknown): { readonly major: number; readonly minor: number } | undefined => {
  const [major, minor] = [at(document, 'major'), at(document, 'minor')].map((part) => Number.parseInt(text(part) ?? '', 10));
  return major === undefined || minor === undefined || Number.isNaN(major) || Number.isNaN(minor) ? undefined : { major, minor };
};

/**
 * A token is good only if the server says both that it is authentic and that it is meant for one of `audiences`: a server that ignores
 * audiences answers without any, and then the token may be anybody's (KEP-541, TokenReview `status.audiences`).
 */
const reviewToken = async (send: Transport, token: string, audiences: readonly string[], signal?: AbortSignal): Outcome<TokenIdentity | undefined> => {
  if (token === '' || audiences.length === 0) return ok(undefined);
  const review = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', spec: { token, audiences } };
  const answer = await send({ method: 'POST', path: '/apis/authentication.k8s.io/v1/tokenreviews', body: review, signal });
  if (!answer.ok) return answer;
  const status = at(answer.value, 'status');
  const user = text(at(status, 'user', 'username'));
  const meant = texts(at(status, 'audiences')).some((audience) => audiences.includes(audience));
  if (!flag(at(status, 'authenticated')) || !meant || user === undefined || user === '') return ok(undefined);
  const extra = (key: string): string | undefined => texts(at(status, 'user', 'extra', `authentication.kubernetes.io/${key}`))[0];
  return ok({ user, groups: texts(at(status, 'user', 'groups')), podName: extra('pod-name'), podUid: extra('pod-uid') });
};

import type { Node, Pod, PodStatus } from 'kubernetes-types/core/v1.d.ts';
import { instant, type Clock, type Logger, type Random, type Result } from '../../core/index.ts';
import {
  createEventRecorder,
  createKubeClient,
  createTransport,
  objectPath,
  resources,
  watchResource,
  type EventRecorder,
  type KubeClient,
  type KubeConnection,
  type Refusal,
  type Resource,
  type Transport,
} from '../../kube/index.ts';
import { KubeletError } from './errors.ts';
import type { KubeletApi, PodEvent, PodRef } from './kubelet-api.ts';
import type { BoundToken, Files, VolumeSources } from './volumes/volume-sources.ts';

export interface ClusterKubeletApiOptions {
  readonly connection: KubeConnection;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly nodeName: string;
}

const leaseNamespace = 'kube-node-lease';

/** 2026-01-31T12:00:00.000000Z: coordination/v1 MicroTime. */
const microTime = (clock: Clock): string => `${new Date(clock.now()).toISOString().slice(0, -1)}000Z`;

/** Everything of an object: a kubelet needs all of a Pod. */
const wholePod = (raw: unknown): Pod => raw as Pod;

/** A real API server as a kubelet sees it: HTTP with the node's own credentials. */
export class ClusterKubeletApi implements KubeletApi, VolumeSources {
  readonly #options: ClusterKubeletApiOptions;
  readonly #send: Transport;
  readonly #client: KubeClient;
  readonly #events: EventRecorder;
  readonly #closed = new AbortController();

  constructor(options: ClusterKubeletApiOptions) {
    this.#options = options;
    const { connection, clock, random, logger, nodeName } = options;
    this.#send = createTransport({ connection, clock, userAgent: 'kubelet' });
    this.#client = createKubeClient({ connection, clock, fieldManager: 'kubelet', userAgent: 'kubelet' });
    this.#events = createEventRecorder({ client: this.#client, clock, random, logger, component: 'kubelet', instance: nodeName });
    void this.#events.run(this.#closed.signal);
  }

  close(): void {
    this.#closed.abort();
  }

  watchPods(node: string, listener: Parameters<KubeletApi['watchPods']>[1]): () => void {
    const { connection, clock, random, logger } = this.#options;
    const watch = watchResource<Pod>({
      connection,
      resource: resources.pods,
      selection: { fieldSelector: `spec.nodeName=${node}` },
      view: wholePod,
      clock,
      random,
      logger,
    });
    const stopped = new AbortController();
    watch.snapshot.subscribe((event) => {
      if (event.type === 'delete') {
        listener({ type: 'gone', uid: event.previous.metadata?.uid ?? '' });
        return;
      }
      const before = event.previous?.metadata?.uid;
      if (before !== undefined && before !== event.value.metadata?.uid) listener({ type: 'gone', uid: before });
      listener({ type: 'set', pod: event.value });
    });
    void watch.run(stopped.signal);
    return () => {
      stopped.abort();
    };
  }

  async writePodStatus({ namespace, name, uid }: PodRef, status: PodStatus, annotations: Readonly<Record<string, string>>): Promise<'written' | 'gone'> {
    // The uid makes it conditional: a namesake answers with a conflict.
    const metadata = { uid, ...(Object.keys(annotations).length === 0 ? {} : { annotations }) };
    const answer = await this.#patch(resources.pods, { namespace, name }, { metadata, status: replacingAddresses(status) });
    if (answer.ok) return 'written';
    if (answer.problem.kind === 'not-found' || answer.problem.kind === 'conflict') return 'gone';
    throw refused(`status of pod ${namespace}/${name}`, answer.problem);
  }

  async finishPod({ namespace, name, uid }: PodRef): Promise<void> {
    const body = { apiVersion: 'v1', kind: 'DeleteOptions', gracePeriodSeconds: 0, preconditions: { uid } };
    const answer = await this.#send({ method: 'DELETE', path: objectPath(resources.pods, { namespace, name }) ?? '', body });
    // A conflict says that the name belongs to another pod by now.
    if (!answer.ok && answer.problem.kind !== 'not-found' && answer.problem.kind !== 'conflict') throw refused(`pod ${namespace}/${name}`, answer.problem);
  }

  async readConfigMap(namespace: string, name: string): Promise<Readonly<Record<string, string>> | undefined> {
    const found = foundOrNone(`configmap ${namespace}/${name}`, await this.#client.get(resources.configMaps, { namespace, name }));
    return found === undefined ? undefined : (found.data ?? {});
  }

  async readSecret(namespace: string, name: string): Promise<Readonly<Record<string, string>> | undefined> {
    const found = foundOrNone(`secret ${namespace}/${name}`, await this.#client.get(resources.secrets, { namespace, name }));
    if (found === undefined) return undefined;
    return Object.fromEntries(Object.entries(found.data ?? {}).map(([key, value]) => [key, Buffer.from(value, 'base64').toString()]));
  }

  async configMapFiles(namespace: string, name: string): Promise<Files | undefined> {
    const found = foundOrNone(`configmap ${namespace}/${name}`, await this.#client.get(resources.configMaps, { namespace, name }));
    return found === undefined ? undefined : { ...filesOf(found.data, 'utf8'), ...filesOf(found.binaryData, 'base64') };
  }

  async secretFiles(namespace: string, name: string): Promise<Files | undefined> {
    const found = foundOrNone(`secret ${namespace}/${name}`, await this.#client.get(resources.secrets, { namespace, name }));
    return found === undefined ? undefined : filesOf(found.data, 'base64');
  }

  async requestToken({ namespace, name, uid }: PodRef, serviceAccount: string, audience: string | undefined, expirationSeconds: number): Promise<BoundToken> {
    const account: Resource = { group: '', version: 'v1', plural: 'serviceaccounts', kind: 'ServiceAccount', namespaced: true };
    const boundObjectRef = { apiVersion: 'v1', kind: 'Pod', name, uid };
    const spec = { expirationSeconds, boundObjectRef, ...(audience === undefined ? {} : { audiences: [audience] }) };
    const path = `${objectPath(account, { namespace, name: serviceAccount }) ?? ''}/token`;
    const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec };
    const answer = await this.#send({ method: 'POST', path, body });
    if (!answer.ok) throw refused(`token of service account ${namespace}/${serviceAccount}`, answer.problem);
    const { token = '', expirationTimestamp = '' } =
      (answer.value as { readonly status?: { readonly token?: string; readonly expirationTimestamp?: string } }).status ?? {};
    return { token, expiresAt: instant(Date.parse(expirationTimestamp)) };
  }

  async writeNode(node: Node & { readonly metadata: { readonly name: string } }): Promise<void> {
    const { name } = node.metadata;
    const known = foundOrNone(`node ${name}`, await this.#client.get(resources.nodes, { name }));
    if (known === undefined) {
      const { status: _status, ...plain } = node;
      const created = await this.#client.create(resources.nodes, plain);
      if (!created.ok && created.problem.kind !== 'already-exists') throw refused(`node ${name}`, created.problem);
    }
    const written = await this.#patch(resources.nodes, { name }, { status: node.status });
    if (!written.ok) throw refused(`status of node ${name}`, written.problem);
  }

  async isNodeReady(name: string): Promise<boolean> {
    const node = foundOrNone(`node ${name}`, await this.#client.get(resources.nodes, { name }));
    return node?.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') === true;
  }

  async renewLease(node: string, leaseSeconds: number): Promise<void> {
    const name = { namespace: leaseNamespace, name: node };
    const spec = { holderIdentity: node, leaseDurationSeconds: leaseSeconds, renewTime: microTime(this.#options.clock) };
    const renewed = await this.#client.mergePatch(resources.leases, name, { spec });
    if (renewed.ok) return;
    if (renewed.problem.kind !== 'not-found') throw refused(`lease of node ${node}`, renewed.problem);
    const owner = foundOrNone(`node ${node}`, await this.#client.get(resources.nodes, { name: node }));
    const ownerReferences = owner === undefined ? [] : [{ apiVersion: 'v1', kind: 'Node', name: node, uid: owner.metadata?.uid ?? '' }];
    const created = await this.#client.create(resources.leases, { metadata: { ...name, ownerReferences }, spec });
    if (!created.ok) throw refused(`lease of node ${node}`, created.problem);
  }

  recordEvent({ metadata }: Pod, { type, reason, message }: PodEvent): void {
    const { namespace = '', name = '', uid = '' } = metadata ?? {};
    this.#events.record({ apiVersion: 'v1', kind: 'Pod', namespace, name, uid }, { type, reason, message });
  }

  #patch(resource: Resource, name: { readonly namespace?: string; readonly name: string }, body: unknown): Promise<Result<unknown, Refusal>> {
    // Strategic: conditions of other types, which are others', stay.
    return this.#send({ method: 'PATCH', path: objectPath(resource, name, 'status') ?? '', body, contentType: 'application/strategic-merge-patch+json' });
  }
}

/** Lists that a strategic merge would add to: an address of an earlier life of the pod must not stay. */
const replacingAddresses = (status: PodStatus): unknown => {
  const replaced = (list: readonly unknown[] | undefined): readonly unknown[] => [...(list ?? []), { $patch: 'replace' }];
  return { ...status, podIPs: replaced(status.podIPs), hostIPs: replaced(status.hostIPs) };
};

const refused = (what: string, { message, kind }: Refusal): KubeletError =>
  new KubeletError('refused', `${what}: ${message}`, { retryable: kind !== 'forbidden' });

const filesOf = (data: Readonly<Record<string, string>> | undefined, encoding: 'utf8' | 'base64'): Files =>
  Object.fromEntries(Object.entries(data ?? {}).map(([key, value]) => [key, Buffer.from(value, encoding)]));

const foundOrNone = <T>(what: string, answer: Result<T, Refusal>): T | undefined => {
  if (answer.ok) return answer.value;
  if (answer.problem.kind === 'not-found') return undefined;
  throw refused(what, answer.problem);
};

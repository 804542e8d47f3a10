import type { Node, Pod, PodStatus } from 'kubernetes-types/core/v1.d.ts';
import type { Clock } from '../../core/index.ts';
import { resources } from '../../kube/index.ts';
import { ApiError } from '../embedded/api-error.ts';
import type { RecordEvent } from '../embedded/controllers/events.ts';
import type { InProcessApi, StoredObject } from '../embedded/in-process-api.ts';
import type { KubeletApi, PodEvent, PodRef } from './kubelet-api.ts';

const leaseNamespace = 'kube-node-lease';
const mostTries = 10;

const has = (thrown: unknown, reason: string): boolean => thrown instanceof ApiError && thrown.reason === reason;

const isStored = (pod: Pod): pod is Pod & StoredObject => pod.metadata?.uid !== undefined && pod.metadata.name !== undefined && pod.kind !== undefined;

/** `own` in place of the conditions of the same types in `before`; those of other types stay. */
const mergeConditions = <C extends { readonly type: string }>(own: readonly C[], before: readonly C[]): C[] => [
  ...own,
  ...before.filter(({ type }) => !own.some((condition) => condition.type === type)),
];

/** 2026-01-31T12:00:00.000000Z: coordination/v1 MicroTime. */
const microTime = (clock: Clock): string => `${new Date(clock.now()).toISOString().slice(0, -1)}000Z`;

/** The embedded API as a kubelet sees it. */
export class EmbeddedKubeletApi implements KubeletApi {
  readonly #api: InProcessApi;
  readonly #clock: Clock;
  readonly #record: RecordEvent;
  readonly #as: string;
  readonly #node: string;

  constructor(api: InProcessApi, clock: Clock, record: RecordEvent, node: string) {
    this.#api = api;
    this.#clock = clock;
    this.#record = record;
    this.#node = node;
    this.#as = `system:node:${node}`;
  }

  watchPods(node: string, listener: Parameters<KubeletApi['watchPods']>[1]): () => void {
    for (const pod of this.#api.list(resources.pods)) if (pod.spec?.nodeName === node) listener({ type: 'set', pod });
    return this.#api.watch(resources.pods, ({ type, object }) => {
      if (object.spec?.nodeName !== node) return;
      listener(type === 'DELETED' ? { type: 'gone', uid: object.metadata.uid } : { type: 'set', pod: object });
    });
  }

  writePodStatus({ namespace, name, uid }: PodRef, status: PodStatus, annotations: Readonly<Record<string, string>>): Promise<'written' | 'gone'> {
    return this.#retried(async () => {
      const pod = this.#api.get(resources.pods, namespace, name);
      if (pod?.metadata.uid !== uid) return 'gone';
      const next = {
        ...pod,
        metadata: { ...pod.metadata, annotations: { ...pod.metadata.annotations, ...annotations } },
        status: { ...status, conditions: mergeConditions(status.conditions ?? [], pod.status?.conditions ?? []) },
      };
      await this.#api.update(resources.pods, next, this.#as, 'status');
      return 'written';
    });
  }

  async finishPod({ namespace, name, uid }: PodRef): Promise<void> {
    try {
      await this.#api.delete(resources.pods, namespace, name, { uid, gracePeriodSeconds: 0 }, this.#as);
    } catch (thrown) {
      // A Conflict says that the name belongs to another pod by now.
      if (!has(thrown, 'NotFound') && !has(thrown, 'Conflict')) throw thrown;
    }
  }

  readConfigMap(namespace: string, name: string): Promise<Readonly<Record<string, string>> | undefined> {
    const found = this.#api.get(resources.configMaps, namespace, name);
    return Promise.resolve(found === undefined ? undefined : (found.data ?? {}));
  }

  readSecret(namespace: string, name: string): Promise<Readonly<Record<string, string>> | undefined> {
    const found = this.#api.get(resources.secrets, namespace, name);
    if (found === undefined) return Promise.resolve(undefined);
    return Promise.resolve(Object.fromEntries(Object.entries(found.data ?? {}).map(([key, value]) => [key, Buffer.from(value, 'base64').toString()])));
  }

  async writeNode(node: Node & { readonly metadata: { readonly name: string } }): Promise<void> {
    const { name } = node.metadata;
    if (this.#api.get(resources.nodes, undefined, name) === undefined) {
      const { status: _status, ...plain } = node;
      await this.#api.create(resources.nodes, plain, this.#as).catch((thrown: unknown) => {
        if (!has(thrown, 'AlreadyExists')) throw thrown;
      });
    }
    await this.#retried(async () => {
      const before = this.#api.get(resources.nodes, undefined, name);
      if (before === undefined) return;
      const conditions = mergeConditions(node.status?.conditions ?? [], before.status?.conditions ?? []);
      await this.#api.update(resources.nodes, { ...before, status: { ...node.status, conditions } }, this.#as, 'status');
    });
  }

  isNodeReady(name: string): Promise<boolean> {
    const node = this.#api.get(resources.nodes, undefined, name);
    return Promise.resolve(node?.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') === true);
  }

  renewLease(node: string, leaseSeconds: number): Promise<void> {
    return this.#retried(async () => {
      const before = this.#api.get(resources.leases, leaseNamespace, node);
      const renewTime = microTime(this.#clock);
      if (before !== undefined) {
        await this.#api.update(resources.leases, { ...before, spec: { ...before.spec, renewTime } }, this.#as);
        return;
      }
      const owner = this.#api.get(resources.nodes, undefined, node);
      const ownerReferences = owner === undefined ? [] : [{ apiVersion: 'v1', kind: 'Node', name: node, uid: owner.metadata.uid }];
      await this.#ensureLeaseNamespace();
      const spec = { holderIdentity: node, leaseDurationSeconds: leaseSeconds, renewTime };
      await this.#api.create(resources.leases, { metadata: { name: node, namespace: leaseNamespace, ownerReferences }, spec }, this.#as);
    });
  }

  recordEvent(pod: Pod, { type, reason, message, fieldPath }: PodEvent): void {
    if (!isStored(pod)) return;
    const where = fieldPath === undefined ? {} : { fieldPath };
    this.#record({ about: pod, type, reason, message, component: 'kubelet', host: this.#node, ...where });
  }

  async #ensureLeaseNamespace(): Promise<void> {
    if (this.#api.get(resources.namespaces, undefined, leaseNamespace) !== undefined) return;
    await this.#api.create(resources.namespaces, { metadata: { name: leaseNamespace } }, this.#as).catch((thrown: unknown) => {
      if (!has(thrown, 'AlreadyExists')) throw thrown;
    });
  }

  /** Reads and writes again where another write came between. */
  async #retried<R>(write: () => Promise<R>): Promise<R> {
    for (let tries = 1; ; tries += 1) {
      try {
        return await write();
      } catch (thrown) {
        if (!has(thrown, 'Conflict') || tries === mostTries) throw thrown;
      }
    }
  }
}

import type { GatewayInfo } from '../core/index.ts';
import type { PodView, Snapshot } from '../kube/index.ts';

/** What the cluster says of the pod that a gateway runs in. `gone`: deleted or finished, so no process of it can live. `unready`: nothing follows for its process. */
export type GatewayPodState = 'ready' | 'unready' | 'gone' | 'unknown';

const isFinished = ({ phase }: PodView): boolean => phase === 'Succeeded' || phase === 'Failed';

/** The gateways' own pods, by uid: the only word on a gateway that does not come from itself. */
export class GatewayPods {
  readonly #byUid = new Map<string, PodView>();
  readonly #listeners = new Set<() => void>();
  readonly #watched: boolean;
  #synced: boolean;

  /** `pods`: those with the gateways' label in our own namespace; undefined: outside a cluster, where nothing is known of any. */
  constructor(pods: Snapshot<PodView> | undefined) {
    this.#watched = pods !== undefined;
    this.#synced = !this.#watched;
    if (pods === undefined) return;
    for (const pod of pods.values()) this.#byUid.set(pod.uid, pod);
    pods.subscribe((event) => {
      if (event.previous !== undefined) this.#byUid.delete(event.previous.uid);
      if (event.type === 'set') this.#byUid.set(event.value.uid, event.value);
      this.#tell();
    });
    void pods.synced.then(() => {
      this.#synced = true;
      this.#tell();
    });
  }

  stateOf(podUid: string | undefined): GatewayPodState {
    if (podUid === undefined || !this.#watched || !this.#synced) return 'unknown';
    const pod = this.#byUid.get(podUid);
    if (pod === undefined || isFinished(pod)) return 'gone';
    return pod.ready && !pod.deleting ? 'ready' : 'unready';
  }

  /** All of them are known, or none ever is. */
  get synced(): boolean {
    return this.#synced;
  }

  /** By uid: those that may be running. */
  *present(): Iterable<string> {
    for (const [uid, pod] of this.#byUid) if (!isFinished(pod)) yield uid;
  }

  /** `listener` runs when any of them changes. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }
}

const isSamePlace = (one: GatewayInfo, other: GatewayInfo): boolean =>
  one.podUid === undefined && other.podUid === undefined ? one.address === other.address : one.podUid === other.podUid;

const areWorkersOfOne = (one: GatewayInfo, other: GatewayInfo): boolean => one.worker !== undefined && one.worker.gateway === other.worker?.gateway;

/** Lost gateways whose end is still waited for; more are forgotten, oldest first. */
const most = 1000;

/**
 * Finds out which lost gateways are dead for certain: what they held or had in flight is gone with them, and need not stand any longer. A broken link
 * alone says nothing: the gateway may be cut off from us and serve on. Its process has ended if its pod is gone or finished, or if another process has linked
 * from the same pod (its container was started again); outside a cluster, if another has taken its address. Workers of one gateway live side by side: of those, the one that comes says
 * who has ended.
 */
export class LostGateways {
  readonly #pods: GatewayPods;
  readonly #ended: (gateway: GatewayInfo) => void;
  readonly #lost = new Map<string, GatewayInfo>();

  constructor(pods: GatewayPods, ended: (gateway: GatewayInfo) => void) {
    this.#pods = pods;
    this.#ended = ended;
    pods.onChange(() => this.#settle(({ podUid }) => pods.stateOf(podUid) === 'gone'));
  }

  joined(gateway: GatewayInfo): void {
    this.#lost.delete(gateway.id);
    this.#settle((lost) => isSamePlace(lost, gateway) && (!areWorkersOfOne(lost, gateway) || gateway.worker?.ended.includes(lost.id) === true));
  }

  lost(gateway: GatewayInfo): void {
    this.#lost.delete(gateway.id);
    this.#lost.set(gateway.id, gateway);
    const [oldest] = this.#lost.keys();
    if (this.#lost.size > most && oldest !== undefined) this.#lost.delete(oldest);
    if (this.#pods.stateOf(gateway.podUid) === 'gone') this.#settle(({ id }) => id === gateway.id);
  }

  #settle(isOver: (gateway: GatewayInfo) => boolean): void {
    for (const gateway of [...this.#lost.values()]) {
      if (!isOver(gateway)) continue;
      this.#lost.delete(gateway.id);
      this.#ended(gateway);
    }
  }
}

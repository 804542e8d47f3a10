import { instant, ManualClock, millis, permitsInUse, shareOf, workloadKey, type GatewayInfo, type PodRoute, type WorkloadRoute } from '../../core/index.ts';
import { Permits } from '../permits.ts';

/**
 * Controllers and gateways that divide the places of pods, with everything between them in somebody's hands: each message arrives when it is delivered, links break, gateways crash, and
 * nobody is told more than in a cluster. The gateways' own rules are the real ones.
 */

interface Down {
  readonly epoch: number;
  readonly revision: number;
  readonly pods: readonly PodRoute[] | undefined;
  readonly limit: number;
}

interface Up {
  readonly epoch: number;
  readonly revision: number;
  readonly permitsInUse: Readonly<Record<string, number>>;
}

/** A pod as a gateway knows it. */
interface KnownPod {
  route: PodRoute;
  share: number | undefined;
  inFlight: number;
}

class ModelGateway {
  readonly id: string;
  readonly pods = new Map<string, KnownPod>();
  readonly departed = new Map<string, KnownPod>();
  readonly inbox: Down[] = [];
  readonly outbox: Up[] = [];
  linked = false;
  limit = 0;
  applied: { readonly epoch: number; readonly revision: number } | undefined;

  constructor(id: string) {
    this.id = id;
  }

  breakLink(): void {
    this.linked = false;
    this.inbox.length = 0;
    this.outbox.length = 0;
  }

  hear(): void {
    const message = this.inbox.shift();
    if (message === undefined || message.epoch < (this.applied?.epoch ?? 0)) return;
    const { epoch, revision, limit, pods = [] } = message;
    this.limit = limit;
    const named = new Set(pods.map(({ id }) => id));
    for (const [id, pod] of this.pods)
      if (!named.has(id)) {
        this.pods.delete(id);
        this.departed.set(id, pod);
      }
    for (const each of pods) {
      const pod = this.pods.get(each.id) ?? this.departed.get(each.id) ?? { route: each, share: undefined, inFlight: 0 };
      const before = this.pods.has(each.id) ? pod.share : undefined;
      this.departed.delete(each.id);
      pod.route = each;
      pod.share = shareOf(each, this.id, before);
      this.pods.set(each.id, pod);
    }
    this.applied = { epoch, revision };
    this.acknowledge();
  }

  acknowledge(): void {
    if (!this.linked || this.applied === undefined) return;
    const uses: Record<string, number> = {};
    for (const [id, { route, share, inFlight }] of this.pods) {
      const count = permitsInUse(route, this.id, share, inFlight);
      if (count > 0) uses[id] = count;
    }
    this.outbox.push({ ...this.applied, permitsInUse: uses });
  }

  mayHave(id: string): number {
    return Math.max(this.inFlight(id), Math.min(this.limit, this.pods.get(id)?.share ?? 0));
  }

  inFlight(pod: string): number {
    return (this.pods.get(pod) ?? this.departed.get(pod))?.inFlight ?? 0;
  }
}

interface Controller {
  readonly epoch: number;
  readonly permits: Permits;
  readonly sessions: Map<string, GatewayInfo>;
  revision: number;
  published: WorkloadRoute | undefined;
}

const key = workloadKey({ resource: 'deployments.apps', namespace: 'default', name: 'web' });
const podEvents = new Set(['pod', 'pod ends', 'terminating', 'routed']);

/** What can happen, the usual more often. */
export const permitEvents: readonly string[] = Object.entries({
  hear: 24,
  deliver: 24,
  begin: 14,
  end: 10,
  link: 24,
  lose: 2,
  gateway: 3,
  crash: 1,
  notice: 3,
  leave: 1,
  pod: 4,
  'pod ends': 1,
  terminating: 2,
  routed: 2,
  'next leader': 1,
  held: 4,
  time: 4,
}).flatMap(([event, times]) => Array.from({ length: times }, () => event));

const podOf = (id: string, state: PodRoute['state']): PodRoute => ({
  id,
  name: id,
  address: '10.0.0.1',
  ports: { http: 8080 },
  state,
  probe: { kind: 'await-ready' },
  revision: '',
});

const routeOf = (containerConcurrency: number, pods: readonly PodRoute[]): WorkloadRoute => ({
  workload: key,
  listeners: [],
  hosts: [],
  pods,
  wakeFailure: undefined,
  containerConcurrency,
  holdQueueDepth: 1,
  holdTimeoutMs: 0,
  waitingPage: false,
  requestTimeoutMs: 0,
  responseStartTimeoutMs: 0,
  idleTimeoutMs: 0,
  ignoreRequests: [],
  sessionAffinity: 'none',
});

const mostGateways = 5;
const mostPods = 6;

export class PermitWorld {
  readonly clock = new ManualClock(instant(0));
  readonly gateways: ModelGateway[] = [];
  /** Dead, and nobody knows it yet. */
  readonly dead: ModelGateway[] = [];
  readonly pods: { readonly id: string; state: PodRoute['state']; routed: boolean }[] = [];
  limit: number;
  /** The highest limit since all was quiet. */
  highest: number;
  #controller: Controller;
  #names = 0;
  #dirty = true;

  constructor(limit: number) {
    this.limit = limit;
    this.highest = limit;
    this.#controller = this.#newController(1);
  }

  /** What went beyond the limit; undefined where nothing did. */
  excess: string | undefined;

  /** `one` and `other`: the gateway and the pod, by their places in the lists. `prompt`: the controller says at once what there is to say. */
  act(event: string, one = 0, other = 0, prompt = true): void {
    const gateway = this.gateways[one % Math.max(1, this.gateways.length)];
    const pod = this.pods[other % Math.max(1, this.pods.length)];
    if (gateway !== undefined) this.#onGateway(event, gateway, pod?.id);
    if (pod !== undefined) this.#onPod(event, pod);
    if (event === 'gateway' && this.gateways.length < mostGateways) this.gateways.push(new ModelGateway(`g${(this.#names += 1)}`));
    if (event === 'pod' && this.pods.length < mostPods) this.pods.push({ id: `p${(this.#names += 1)}`, state: 'ready', routed: true });
    if (event === 'notice') this.#notice();
    if (event === 'next leader') this.#restart();
    if (event === 'time') this.#pass(200 + other * 100);
    if (event === 'limit') this.#setLimit(1 + other);
    this.#dirty ||= podEvents.has(event);
    if (prompt) this.#publish();
    this.#count();
  }

  /** Everything heals, every request ends, every message arrives, and time passes. */
  settle(): void {
    for (const pod of this.pods) {
      pod.routed = true;
      pod.state = 'ready';
    }
    this.#dirty = true;
    this.#notice();
    for (const gateway of this.gateways) {
      if (!gateway.linked) this.#link(gateway);
      for (const pod of this.pods) while (gateway.inFlight(pod.id) > 0) this.#end(gateway, pod.id);
    }
    for (let round = 0; round < 30; round += 1) {
      this.#publish();
      for (const gateway of this.gateways) {
        while (gateway.inbox.length > 0) gateway.hear();
        while (gateway.outbox.length > 0) this.#deliver(gateway);
      }
      this.#pass(1000);
    }
    this.highest = this.limit;
    this.#count();
  }

  /** By pod: what each gateway may have. */
  shares(): readonly (readonly number[])[] {
    return this.pods.map(({ id }) => this.gateways.map(({ pods }) => pods.get(id)?.share ?? 0));
  }

  #onGateway(event: string, gateway: ModelGateway, pod: string | undefined): void {
    if (event === 'hear') gateway.hear();
    if (event === 'deliver') this.#deliver(gateway);
    if (event === 'link' && !gateway.linked) this.#link(gateway);
    if (event === 'lose' && gateway.linked) this.#lose(gateway);
    if (event === 'crash') this.#crash(gateway);
    if (event === 'leave' && gateway.linked) this.#leave(gateway);
    if (event === 'held') this.#controller.permits.held(gateway.id, key);
    if (event === 'begin' && pod !== undefined) for (let left = this.limit; left > 0; left -= 1) this.#begin(gateway, pod);
    if (event === 'end' && pod !== undefined) this.#end(gateway, pod);
  }

  #onPod(event: string, pod: PermitWorld['pods'][number]): void {
    if (event === 'pod ends') this.pods.splice(this.pods.indexOf(pod), 1);
    if (event === 'terminating') pod.state = pod.state === 'ready' ? 'terminating' : 'ready';
    if (event === 'routed') pod.routed = !pod.routed;
  }

  #setLimit(limit: number): void {
    this.limit = limit;
    this.highest = Math.max(this.highest, limit);
    this.#dirty = true;
  }

  #newController(epoch: number): Controller {
    const permits: Permits = new Permits({
      clock: this.clock,
      isLeader: () => true,
      someUnheard: () => [...this.gateways, ...this.dead].some(({ id, applied }) => applied !== undefined && !this.#controller.sessions.has(id)),
      podsOf: () => this.pods.map(({ id }) => id),
      seemsAlive: () => true,
      lapse: millis(300_000),
      changed: () => (this.#dirty = true),
    });
    return { epoch, permits, sessions: new Map(), revision: 0, published: undefined };
  }

  #publish(): void {
    if (!this.#dirty) return;
    this.#dirty = false;
    const { permits } = this.#controller;
    const bare = this.pods.flatMap(({ id, state, routed }): readonly PodRoute[] => (routed ? [podOf(id, state)] : []));
    const words = permits.of(key, this.limit, bare);
    const published = routeOf(
      this.limit,
      bare.map((pod) => ({ ...pod, permits: words.get(pod.id) ?? {} })),
    );
    if (JSON.stringify(published) === JSON.stringify(this.#controller.published)) return;
    this.#controller.published = published;
    this.#controller.revision += 1;
    permits.published([published], [], this.#controller.revision);
    for (const gateway of this.gateways) if (gateway.linked) this.#send(gateway);
  }

  #send(gateway: ModelGateway): void {
    const { epoch, revision, published } = this.#controller;
    if (published !== undefined) gateway.inbox.push({ epoch, revision, pods: published.pods, limit: published.containerConcurrency ?? 0 });
  }

  #deliver(gateway: ModelGateway): void {
    const ack = gateway.outbox.shift();
    const { sessions, permits, epoch } = this.#controller;
    const info = sessions.get(gateway.id);
    if (ack === undefined || info === undefined || ack.epoch !== epoch) return;
    sessions.set(gateway.id, { ...info, acknowledged: Math.max(info.acknowledged, ack.revision), permitsInUse: ack.permitsInUse });
    permits.update([...sessions.values()]);
  }

  #begin(gateway: ModelGateway, id: string): void {
    const pod = gateway.pods.get(id);
    if (pod === undefined || pod.route.state === 'terminating' || pod.inFlight >= Math.min(gateway.limit, pod.share ?? gateway.limit)) return;
    pod.inFlight += 1;
  }

  /** What may be in each pod, with all that the gateways believe that they may send there. */
  #count(): void {
    for (const { id } of this.pods) {
      const all = this.gateways.reduce((sum, each) => sum + each.mayHave(id), 0);
      if (all > this.highest) this.excess ??= `${all} requests may be in ${id}, whose limit is ${this.highest}`;
    }
  }

  #end(gateway: ModelGateway, id: string): void {
    const pod = gateway.pods.get(id) ?? gateway.departed.get(id);
    if (pod === undefined || pod.inFlight === 0) return;
    pod.inFlight -= 1;
    if (pod.share !== undefined && pod.inFlight >= pod.share) gateway.acknowledge();
  }

  #link(gateway: ModelGateway): void {
    gateway.linked = true;
    this.#controller.sessions.set(gateway.id, {
      id: gateway.id,
      address: gateway.id,
      podName: gateway.id,
      podUid: gateway.id,
      nodeName: undefined,
      zone: undefined,
      acknowledged: 0,
    });
    this.#send(gateway);
    this.#controller.permits.update([...this.#controller.sessions.values()]);
  }

  #lose(gateway: ModelGateway): void {
    gateway.breakLink();
    this.#controller.sessions.delete(gateway.id);
    this.#controller.permits.update([...this.#controller.sessions.values()]);
  }

  #crash(gateway: ModelGateway): void {
    this.gateways.splice(this.gateways.indexOf(gateway), 1);
    this.dead.push(gateway);
    this.#lose(gateway);
  }

  /** The pods of the dead are seen to be gone. */
  #notice(): void {
    for (const { id } of this.dead.splice(0)) this.#controller.permits.ended(id);
  }

  #leave(gateway: ModelGateway): void {
    for (const pod of this.pods) while (gateway.inFlight(pod.id) > 0) this.#end(gateway, pod.id);
    this.gateways.splice(this.gateways.indexOf(gateway), 1);
    this.#controller.sessions.delete(gateway.id);
    this.#controller.permits.ended(gateway.id);
    this.#controller.permits.update([...this.#controller.sessions.values()]);
  }

  /** The next leader: it knows nothing, and the gateways link to it one by one. */
  #restart(): void {
    for (const gateway of this.gateways) gateway.breakLink();
    this.#controller = this.#newController(this.#controller.epoch + 1);
    this.#dirty = true;
  }

  #pass(ms: number): void {
    void this.clock.advance(millis(ms));
    this.#controller.permits.tick();
  }
}

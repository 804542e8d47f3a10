import { annotation, between, fieldManager, millis, seconds, type Clock, type Logger, type WorkloadKey } from '../core/index.ts';
import { resources, type KubeClient, type KubeObject, type PodView, type Refusal } from '../kube/index.ts';
import { giveBackHpa, rememberedHpa } from './adopted-hpa.ts';
import type { ScalerEvent } from './events.ts';
import { countPods } from './pod-counts.ts';
import type { PathManager, ResourceOf, WorkloadLoad, WorkloadMetrics } from './ports.ts';
import type { WorkloadRegistry } from './registry.ts';
import type { Turns } from './turns.ts';
import type { WakeFailures } from './wake-failures.ts';
import type { WorkloadRecord } from './workload-record.ts';

export interface OffBoardingPorts {
  readonly client: Pick<KubeClient, 'get' | 'list' | 'writeScale' | 'create' | 'mergePatch'>;
  readonly resourceOf: ResourceOf;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: WorkloadMetrics;
  readonly path: PathManager;
  readonly failures: Pick<WakeFailures, 'get'>;
  readonly podsOf: (key: WorkloadKey) => Iterable<PodView>;
  readonly registry: Pick<WorkloadRegistry, 'get' | 'release'>;
  readonly tell: (event: ScalerEvent) => void;
  /** Nobody can tell when the workload is idle, so the count stays as high as it is for the hand-back. Left out: it goes down to the count before. */
  readonly keepsCount?: boolean;
  /** For those that are asleep and have to be started: a cluster that starts everything at once has nothing ready in time. */
  readonly turns: Turns;
}

const pollPeriod = millis(250);
/** For a ready pod, before traffic is given back in any case. */
const longestWait = seconds(60);
const retryPause = seconds(2);

/** Every window is full of nothing. */
const wasIdle = ({ metrics }: WorkloadLoad): boolean => metrics.every((reading) => reading.kind === 'value' && reading.stable === 0);

/**
 * What we wrote on a workload, taken off it; and the count is nobody's any more, else its owner's next server-side apply that sets another one
 * would be refused as a conflict with us.
 */
/** The metadata to patch with, for an object as it was just read. One empty entry is how the API server is told that nobody owns anything. */
export const withoutUs = ({ metadata: { resourceVersion, managedFields } = {} }: KubeObject): object => {
  const others = managedFields?.filter(({ manager }) => manager !== fieldManager);
  return {
    resourceVersion,
    annotations: { [annotation.state]: null, [annotation.status]: null },
    ...(others === undefined ? {} : { managedFields: others.length === 0 ? [{}] : others }),
  };
};

/** The workload went away or came back on: nothing is left to do here. */
class Overtaken extends Error {}

/**
 * Hands a workload back, in an order that never leaves a request without a pod: as many pods as before onboarding or as are needed now,
 * whichever is more; then the path; then the adopted HPA, or the count before once nothing comes through us any more; last what we wrote on it.
 * Each step looks at what is there, so that a crash half-way is taken up again from the first.
 */
export class OffBoarding {
  readonly #ports: OffBoardingPorts;
  readonly #key: WorkloadKey;
  readonly #signal: AbortSignal;

  constructor(ports: OffBoardingPorts, key: WorkloadKey, signal: AbortSignal) {
    this.#ports = ports;
    this.#key = key;
    this.#signal = signal;
  }

  /** `needed`: what was decided last. Rejects only if aborted or by a bug. */
  async run(needed: number): Promise<void> {
    const { clock, metrics, tell, path, registry, keepsCount = false } = this.#ports;
    try {
      const giveTurnBack = await this.#turn();
      const { state, view, spec } = this.#record();
      const before = state?.replicasBefore ?? view.specReplicas;
      const { held, inFlight } = metrics.observe(this.#key, spec, clock.now());
      const during = Math.max(before, needed, held + inFlight > 0 ? 1 : 0);
      try {
        tell({ type: 'off-boarding', workload: this.#key, replicas: during });
        await this.#setCount(during);
        if (during > 0) await this.#untilReady();
      } finally {
        // Before the path, which one broken Service can keep for ever: the others must not wait for it.
        giveTurnBack();
      }
      await this.#repeat('handing the path back', async () => {
        await path.handBack(this.#key, this.#signal);
      });
      const hasHpa = await this.#restoreHpa();
      const isLowered = !hasHpa && !keepsCount && during > before;
      if (isLowered) {
        await this.#untilIdle();
        await this.#setCount(before);
      }
      const last = await this.#removeTraces();
      tell({ type: 'off-boarded', workload: this.#key, replicas: isLowered ? before : during });
      registry.release(this.#key, last);
    } catch (thrown) {
      if (!(thrown instanceof Overtaken)) throw thrown;
    }
  }

  /** The workload as it is now. */
  #record(): WorkloadRecord {
    this.#signal.throwIfAborted();
    const record = this.#ports.registry.get(this.#key);
    if (record?.phase !== 'off-boarding') throw new Overtaken();
    return record;
  }

  /** Resolves when it may be started, at once if there is nothing to start or somebody waits for it. The value ends the turn. */
  async #turn(): Promise<() => void> {
    const { clock, metrics, turns } = this.#ports;
    for (;;) {
      const { view, spec, state } = this.#record();
      const sleeps = view.specReplicas === 0 && (state?.replicasBefore ?? 0) > 0;
      if (!sleeps || metrics.observe(this.#key, spec, clock.now()).held > 0) return () => undefined;
      const turn = turns.take();
      if (turn !== undefined) return turn;
      await clock.sleep(pollPeriod, this.#signal);
    }
  }

  async #setCount(replicas: number): Promise<void> {
    await this.#write('setting the count', async () => {
      const { ref, view, spec } = this.#record();
      const resource = this.#ports.resourceOf(ref.resource);
      if (resource === undefined || spec.mode === 'observe' || view.specReplicas === replicas) return undefined;
      const answer = await this.#ports.client.writeScale(resource, ref, replicas, undefined, this.#signal);
      return answer.ok ? undefined : answer.problem;
    });
  }

  async #untilReady(): Promise<void> {
    const { clock, failures, podsOf } = this.#ports;
    const begun = clock.monotonic();
    while (countPods(podsOf(this.#key)).ready === 0 && failures.get(this.#key) === undefined && clock.monotonic() - begun < longestWait) {
      await clock.sleep(pollPeriod, this.#signal);
      this.#record();
    }
  }

  /** Nothing of it was in our hands for a whole stable window: what came through us has had its time. */
  async #untilIdle(): Promise<void> {
    const { clock, metrics } = this.#ports;
    let idleSince = clock.now();
    for (;;) {
      const { spec } = this.#record();
      const now = clock.now();
      const load = metrics.observe(this.#key, spec, now);
      if (load.inFlight > 0 || load.held > 0) idleSince = now;
      else if (wasIdle(load)) return;
      if (between(idleSince, now) >= spec.scaling.stableWindow) return;
      await clock.sleep(retryPause, this.#signal);
    }
  }

  /** True if an HPA scales the workload from now on. */
  async #restoreHpa(): Promise<boolean> {
    const hpa = rememberedHpa(this.#record().state?.adoptedHpa);
    if (hpa === undefined) return false;
    const name = hpa.metadata?.name ?? '';
    let last: string | undefined;
    await this.#write('giving the HorizontalPodAutoscaler back', async () => {
      const refusal = await giveBackHpa(this.#ports.client, hpa, this.#signal);
      // Whoever switched Rouse off waits for it: a standing reason is told, once.
      if (refusal !== undefined && refusal.message !== last) this.#ports.tell({ type: 'hpa-refused', workload: this.#key, name, message: refusal.message });
      last = refusal?.message;
      return refusal;
    });
    this.#ports.tell({ type: 'hpa-restored', workload: this.#key, name });
    return true;
  }

  /** The resourceVersion of the workload after that. */
  async #removeTraces(): Promise<string> {
    const { client, podsOf, resourceOf } = this.#ports;
    const marked = [...podsOf(this.#key)].filter(({ annotations }) => annotation.podDeletionCost in annotations);
    await Promise.all(
      marked.map(({ namespace, name }) =>
        client.mergePatch(resources.pods, { namespace, name }, { metadata: { annotations: { [annotation.podDeletionCost]: null } } }, this.#signal),
      ),
    );
    let last = '';
    await this.#write('removing our annotations', async () => {
      const { ref, view } = this.#record();
      last = view.resourceVersion;
      const resource = resourceOf(ref.resource);
      if (resource === undefined) return undefined;
      // Read anew: the copy that we watch has no managedFields.
      const fresh = await client.get(resource, ref, this.#signal);
      const answer = fresh.ok ? await client.mergePatch(resource, ref, { metadata: withoutUs(fresh.value) }, this.#signal) : fresh;
      if (answer.ok) last = answer.value.metadata?.resourceVersion ?? last;
      return answer.ok || answer.problem.kind === 'not-found' ? undefined : answer.problem;
    });
    return last;
  }

  /** Does it until it is not refused. */
  async #write(doing: string, attempt: () => Promise<Refusal | undefined>): Promise<void> {
    await this.#repeat(doing, async () => {
      const refusal = await attempt();
      if (refusal !== undefined) throw new Error(refusal.message);
    });
  }

  async #repeat(doing: string, attempt: () => Promise<void>): Promise<void> {
    const { clock, logger } = this.#ports;
    for (;;) {
      this.#record();
      try {
        await attempt();
        return;
      } catch (thrown) {
        if (thrown instanceof Overtaken || this.#signal.aborted) throw thrown;
        logger.warn(`${doing} failed and is tried again`, { workload: this.#key, error: thrown });
      }
      await clock.sleep(retryPause, this.#signal);
    }
  }
}

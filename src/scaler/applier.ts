import { isAbort, type Decision, type Logger, type WorkloadKey } from '../core/index.ts';
import type { KubeClient, PodView, Refusal, ScaleState } from '../kube/index.ts';
import type { ColdStarts } from './cold-start.ts';
import { leavingPods, markPods, marksNeeded } from './deletion-cost.ts';
import type { ScalerEvent } from './events.ts';
import type { PathState, WorkloadLoad } from './ports.ts';
import { isSetUp } from './onboarding.ts';
import type { RemovalOrder } from './placement/removal-order.ts';
import { wantedCount } from './published-status.ts';
import { ReplicaWriter, type ReplicaWriterPorts, type WriteListener } from './replica-writer.ts';
import type { StatusWriter } from './status-writer.ts';
import type { Memories, WorkloadMemory } from './workload-memory.ts';
import type { WorkloadRecord } from './workload-record.ts';
import { isPausedAfterRefusal } from './zero-failure.ts';

/** One look at a workload: what was decided, from what. */
export interface Look {
  readonly record: WorkloadRecord;
  readonly memory: WorkloadMemory;
  readonly decision: Decision;
  /** `spec.replicas` as it is. */
  readonly live: number;
  readonly load: WorkloadLoad;
  readonly podsOf: (key: WorkloadKey) => Iterable<PodView>;
  readonly poked: boolean;
}

export interface ApplierPorts extends ReplicaWriterPorts {
  readonly client: Pick<KubeClient, 'writeScale' | 'mergePatch'>;
  readonly memories: Memories;
  readonly status: StatusWriter;
  readonly coldStarts: ColdStarts;
  readonly path: Pick<PathState, 'retire'>;
  readonly removalOrder?: RemovalOrder | undefined;
  readonly logger: Logger;
  readonly tell: (event: ScalerEvent) => void;
  readonly waking?: ((key: WorkloadKey, decision: Decision) => void) | undefined;
  /** A write has ended while another poke had come. */
  readonly lookAgain: (key: WorkloadKey, held: number) => void;
  /** Onboarding steps that come before any count is lowered (`onboarding.ts`). */
  readonly setUp: (record: WorkloadRecord, memory: WorkloadMemory, signal: AbortSignal) => void;
  /** Whether another autoscaler has come since; does nothing where there is no cause to look. */
  readonly lookForHpa: (record: WorkloadRecord, memory: WorkloadMemory, signal: AbortSignal) => void;
}

/** Acts on decisions for as long as we lead: one instance per term of leadership. Everything that it writes stops with `signal`. */
export class Applier implements WriteListener {
  readonly #ports: ApplierPorts;
  readonly #signal: AbortSignal;
  readonly #writer: ReplicaWriter;
  /** Last refusal told per workload, so that a standing one is told once. */
  readonly #refusals = new Map<WorkloadKey, string>();

  constructor(ports: ApplierPorts, signal: AbortSignal) {
    this.#ports = ports;
    this.#signal = signal;
    this.#writer = new ReplicaWriter(ports, this, signal);
  }

  isWriting(key: WorkloadKey): boolean {
    return this.#writer.isBusy(key);
  }

  /** Resolves when nothing is on its way any more. */
  settled(): Promise<void> {
    return this.#writer.settled();
  }

  apply(look: Look): void {
    const { record, memory, decision, live, poked } = look;
    this.#ports.status.note(record, decision);
    if (record.spec.mode === 'observe') {
      this.#tellWouldBe(look);
      return;
    }
    if (memory.setUp === 'done' && !isSetUp(record)) memory.setUp = 'needed';
    if (memory.setUp === 'needed' && memory.setUpAt <= decision.at) this.#ports.setUp(record, memory, this.#signal);
    if (memory.setUp === 'done') this.#ports.lookForHpa(record, memory, this.#signal);
    // What was there before onboarding must be on record before it changes; a waiting request does not wait for that.
    if (memory.setUp !== 'done' && decision.to <= live) return;
    if (decision.kind === 'wake' && isPausedAfterRefusal(memory, poked, decision.at)) return;
    this.#keep(look);
  }

  /** Sets a count for a reason of our own (a refused wake goes back to zero); nothing is told. */
  reset(record: WorkloadRecord, memory: WorkloadMemory, replicas: number): void {
    memory.target = replicas;
    memory.change = undefined;
    this.#writer.want({ key: record.key, ref: record.ref, replicas, urgent: false });
  }

  written(key: WorkloadKey, scale: ScaleState): void {
    this.#refusals.delete(key);
    const memory = this.#ports.memories.get(key);
    if (memory === undefined) return;
    memory.written = { replicas: scale.replicas, resourceVersion: scale.resourceVersion, at: this.#ports.clock.now() };
    memory.hand = undefined;
    this.#ports.coldStarts.answered(key);
    const { change } = memory;
    memory.change = undefined;
    if (change?.reason === 'restored') this.#ports.tell({ type: 'replicas-restored', workload: key, from: change.from, to: scale.replicas });
    else if (change !== undefined && change.from !== scale.replicas)
      this.#ports.tell({ type: 'scaled', workload: key, from: change.from, to: scale.replicas, reason: change.reason });
    this.#again(key, memory);
  }

  refused(key: WorkloadKey, refusal: Refusal): void {
    const memory = this.#ports.memories.get(key);
    this.#ports.logger.debug('/scale was not written', { workload: key, kind: refusal.kind, message: refusal.message });
    // Conflicts and a gone object are everyday; the next tick sees what is true then.
    const isEveryday = refusal.kind === 'conflict' || refusal.kind === 'not-found' || refusal.kind === 'too-many-requests';
    if (!isEveryday && memory !== undefined && this.#refusals.get(key) !== refusal.message) {
      this.#refusals.set(key, refusal.message);
      this.#ports.tell({ type: 'write-refused', workload: key, replicas: memory.target ?? 0, message: refusal.message });
    }
    this.#keepPods(key);
    if (memory !== undefined) this.#again(key, memory);
  }

  abandoned(key: WorkloadKey): void {
    this.#keepPods(key);
    const memory = this.#ports.memories.get(key);
    if (memory !== undefined) this.#again(key, memory);
  }

  /** None goes after all. */
  #keepPods(key: WorkloadKey): void {
    void this.#ports.path.retire(key, new Set(), this.#signal).catch(() => undefined);
  }

  forget(key: WorkloadKey): void {
    this.#writer.drop(key);
    this.#refusals.delete(key);
  }

  /** Makes the count what was decided, now and as long as it is not. */
  #keep(look: Look): void {
    const { record, memory, decision, live, poked } = look;
    const { key, ref, view } = record;
    const to: number = decision.to;
    if (to === live) {
      memory.target = to;
      this.#writer.drop(key);
      // The watch may show our write before its answer is here: what it changed is still to be told then.
      if (!this.#writer.isBusy(key)) memory.change = undefined;
      return;
    }
    if (memory.target !== to || decision.kind !== 'hold') {
      if (decision.kind === 'wake' && memory.change === undefined) {
        this.#ports.coldStarts.begin(key);
        this.#ports.waking?.(key, decision);
      }
      memory.change = { from: live, reason: decision.reason };
    } else if (memory.change === undefined && !this.#writer.isBusy(key)) memory.change = { from: live, reason: 'restored' };
    memory.target = to;
    const falls = to < live;
    this.#writer.want({
      key,
      ref,
      replicas: to,
      urgent: poked || decision.kind === 'wake',
      resourceVersion: falls ? view.resourceVersion : undefined,
      ...(falls ? { before: () => this.#prepareFall(look) } : {}),
    });
  }

  /**
   * Says which pods go before any of them does: to the ReplicaSet controller by marks, to the gateways by their routes, so that no request is on its way to
   * a pod that has just been told to end. False: meanwhile a request came that waits for a pod.
   */
  async #prepareFall({ record, memory, decision, live, load, podsOf }: Look): Promise<boolean> {
    const { client, path, logger, removalOrder } = this.#ports;
    const { key, ref } = record;
    const all = [...podsOf(key)];
    const { inFlightByPod } = load;
    const leaving = leavingPods(ref.resource, all, inFlightByPod, decision.to, decision.to > 0 ? removalOrder?.(record, all) : undefined);
    try {
      const marked = decision.to > 0 ? markPods(client, marksNeeded(all, inFlightByPod, leaving), logger, this.#signal) : undefined;
      await Promise.all([marked, path.retire(key, new Set(leaving.map(({ uid }) => uid)), this.#signal)]);
    } catch (thrown) {
      if (!isAbort(thrown)) logger.warn('pods could not be marked before a scale-in', { error: thrown });
    }
    if (memory.lookAgain === undefined) return true;
    [memory.target, memory.change] = [live, undefined];
    return false;
  }

  #tellWouldBe({ record, memory, decision, live }: Look): void {
    const wanted = wantedCount(decision);
    if (wanted !== live && wanted !== memory.wouldBe) this.#ports.tell({ type: 'would-scale', workload: record.key, from: live, to: wanted });
    memory.wouldBe = wanted;
  }

  #again(key: WorkloadKey, memory: WorkloadMemory): void {
    const held = memory.lookAgain;
    if (held === undefined) return;
    memory.lookAgain = undefined;
    this.#ports.lookAgain(key, held);
  }
}

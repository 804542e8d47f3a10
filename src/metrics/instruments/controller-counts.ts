import { coldStartPhases, type ColdStartPhase, type Decision, type DecisionReason, type WakeFailureReason, type WorkloadKey } from '../../core/index.ts';
import { CountingHistogram } from './histogram.ts';
import { LabelCounts } from './label-counts.ts';
import { PodTime } from './pod-time.ts';

/** How a wake ended: with a first byte, with the last pod going again before there was one, or for a reason why it cannot succeed. */
export type WakeOutcome = 'served' | 'unserved' | WakeFailureReason;

/** Seconds: from a phase of a few milliseconds to a program that takes minutes. */
const coldStartBounds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];

type ColdStarts = ReadonlyMap<ColdStartPhase, CountingHistogram>;
const noColdStarts = (): ColdStarts => new Map(coldStartPhases.map((phase) => [phase, new CountingHistogram(coldStartBounds)]));

/** The key of all workloads together. */
const everyone = '';

/** What a controller counts of workloads between scrapes, of each one and of all together. The sums go on counting what a workload had that is gone. */
export class ControllerCounts {
  readonly decisions = new LabelCounts<WorkloadKey | typeof everyone, DecisionReason>();
  readonly wakes = new LabelCounts<WorkloadKey | typeof everyone, WakeOutcome>();
  readonly coldStarts = new Map<WorkloadKey, ColdStarts>();
  readonly allColdStarts = noColdStarts();
  readonly podTime: PodTime;
  readonly #waking = new Set<WorkloadKey>();

  constructor(monotonicMs: () => number) {
    this.podTime = new PodTime(monotonicMs);
  }

  decided(key: WorkloadKey, { reason, evidence: { ready, starting } }: Decision, replicasBefore: number | undefined, leads: boolean): void {
    this.decisions.add(key, reason);
    this.decisions.add(everyone, reason);
    this.podTime.look(key, ready + starting, replicasBefore, leads);
  }

  woken(key: WorkloadKey): void {
    this.#waking.add(key);
  }

  wakeEnded(key: WorkloadKey, outcome: WakeOutcome): void {
    if (!this.#waking.delete(key)) return;
    this.wakes.add(key, outcome);
    this.wakes.add(everyone, outcome);
  }

  coldStarted(key: WorkloadKey, phases: Readonly<Record<ColdStartPhase, number>>): void {
    const own = this.coldStarts.get(key) ?? noColdStarts();
    this.coldStarts.set(key, own);
    for (const phase of coldStartPhases) for (const histograms of [own, this.allColdStarts]) histograms.get(phase)?.observe(phases[phase] / 1000);
    this.wakeEnded(key, 'served');
  }

  get allDecisions(): ReturnType<typeof this.decisions.of> {
    return this.decisions.of(everyone);
  }

  get allWakes(): ReturnType<typeof this.wakes.of> {
    return this.wakes.of(everyone);
  }

  forget(key: WorkloadKey): void {
    this.decisions.forget(key);
    this.wakes.forget(key);
    this.coldStarts.delete(key);
    this.podTime.forget(key);
    this.#waking.delete(key);
  }

  /** Drops what belongs to no workload any more, should nobody have said so. */
  keepOnly(keys: ReadonlySet<WorkloadKey>): void {
    const counted = [this.decisions.keys(), this.wakes.keys(), this.coldStarts.keys(), this.podTime.keys(), this.#waking.keys()];
    for (const those of counted) for (const key of [...those]) if (key !== everyone && !keys.has(key)) this.forget(key);
  }
}

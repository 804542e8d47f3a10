import { between, parseWorkloadKey, seconds, type Clock, type Instant, type WorkloadKey } from '../core/index.ts';
import { messageOfEvent, type ScalerEvent } from './events.ts';
import type { EventRecorder } from './ports.ts';

/** Events per workload that may come at once, and how long one more takes: a flapping load must not fill etcd. */
const burst = 10;
const refill = seconds(10);
const longestMessage = 1000;

const warnings = new Set<ScalerEvent['type']>([
  'wake-failed',
  'settings-refused',
  'write-refused',
  'hpa-refused',
  'hpa-metrics-left-out',
  'hpa-behavior-left-out',
]);

/** The `reason` of the Kubernetes Event: that of the decision or failure where there is one, so that the same word is found everywhere. */
const reasonOf = (event: ScalerEvent): string => (event.type === 'scaled' || event.type === 'wake-failed' ? event.reason : event.type);

/** Turns transitions into Kubernetes Events on the workload, with a bound per workload. First bytes are metrics, not Events. */
export class KubeEvents {
  readonly #recorder: EventRecorder;
  readonly #clock: Clock;
  readonly #budgets = new Map<WorkloadKey, { tokens: number; at: Instant }>();

  constructor(recorder: EventRecorder, clock: Clock) {
    this.#recorder = recorder;
    this.#clock = clock;
  }

  tell(event: ScalerEvent, uid: string): void {
    if (event.type === 'first-byte' || event.type === 'would-scale') return;
    const ref = parseWorkloadKey(event.workload);
    if (ref === undefined || !this.#mayTell(event.workload)) return;
    const type = warnings.has(event.type) ? 'Warning' : 'Normal';
    this.#recorder.record({ ...ref, uid }, { type, reason: reasonOf(event), message: messageOfEvent(event).slice(0, longestMessage) });
  }

  forget(key: WorkloadKey): void {
    this.#budgets.delete(key);
  }

  #mayTell(key: WorkloadKey): boolean {
    const now = this.#clock.now();
    const budget = this.#budgets.get(key) ?? { tokens: burst, at: now };
    budget.tokens = Math.min(burst, budget.tokens + Math.max(0, between(budget.at, now)) / refill);
    budget.at = now;
    this.#budgets.set(key, budget);
    if (budget.tokens < 1) return false;
    budget.tokens -= 1;
    return true;
  }
}

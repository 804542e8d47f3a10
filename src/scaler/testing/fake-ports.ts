import { millis, type Instant, type MetricReading, type ScaleSpec, type WorkloadKey } from '../../core/index.ts';
import type { PathManager, PathState, WorkloadLoad, WorkloadMetrics } from '../ports.ts';

/** A load that is set by hand, the same over both windows. */
export class FakeLoad implements WorkloadMetrics {
  concurrency = 0;
  held = 0;
  inFlight = 0;
  inFlightByPod = new Map<string, number>();
  warm = true;
  absentGateways = 0;
  missing = false;
  quiet = false;
  readonly forgotten: WorkloadKey[] = [];

  observe(_key: WorkloadKey, spec: ScaleSpec, _now: Instant): WorkloadLoad {
    const metrics = spec.scaling.metrics.map(({ metric }): MetricReading =>
      this.missing ? { metric, kind: 'no-data', age: undefined } : { metric, kind: 'value', stable: this.concurrency, panic: this.concurrency, age: millis(0) },
    );
    const { held, inFlight, inFlightByPod, warm, absentGateways } = this;
    return { metrics, held, inFlight, inFlightByPod, warm, absentGateways };
  }

  isQuiet(): boolean {
    return this.quiet;
  }

  forget(key: WorkloadKey): void {
    this.forgotten.push(key);
  }
}

export class FakePath implements PathState, PathManager {
  ready = true;
  readonly handedBack: WorkloadKey[] = [];
  failures = 0;

  /** Whether the gateways were last asked to stand in. */
  held = false;

  holdReady(): boolean {
    return this.ready;
  }

  hold(_key: WorkloadKey, wanted: boolean): void {
    this.held = wanted;
  }

  /** What the gateways were told of pods that go, oldest first; with the writes that had been made by then. */
  readonly retired: { readonly pods: readonly string[]; readonly writes: number }[] = [];
  /** Set: gateways take until then to hear. */
  hearing: Promise<void> = Promise.resolve();
  writes: readonly string[] = [];

  retire(_key: WorkloadKey, pods: ReadonlySet<string>): Promise<void> {
    this.retired.push({ pods: [...pods].sort(), writes: this.writes.filter((write) => write.startsWith('scale')).length });
    return this.hearing;
  }

  async handBack(key: WorkloadKey): Promise<void> {
    await Promise.resolve();
    if (this.failures > 0) {
      this.failures -= 1;
      throw new Error('the API server is away');
    }
    this.handedBack.push(key);
  }
}

import type { Probe } from 'kubernetes-types/core/v1.d.ts';
import { millis, type Clock, type Timer } from '../../../core/index.ts';
import type { PodEvent } from '../kubelet-api.ts';
import { ProbeLoop } from './probe-loop.ts';
import { tryProbe, type ProbeTarget } from './probe.ts';

export interface ContainerProbesOptions {
  readonly clock: Clock;
  readonly target: ProbeTarget;
  readonly onChange: () => void;
  /** A startup or liveness probe failed for good: the container must be restarted. */
  readonly onUnhealthy: (probe: Probe, kind: 'Startup' | 'Liveness') => void;
  readonly onEvent: (event: PodEvent) => void;
}

/** A kubelet looks at a pod again when its runtime has listed the new container, once a second, and tries a readiness probe that has not succeeded yet. */
const relist = millis(1000);

/** The probes of one running instance of a container: readiness and liveness begin when the startup probe has succeeded. */
export class ContainerProbes {
  readonly #options: ContainerProbesOptions;
  readonly #startedAt: number;
  #startup: ProbeLoop | undefined;
  #liveness: ProbeLoop | undefined;
  #readiness: ProbeLoop | undefined;
  #early: Timer | undefined;
  #isStarted: boolean;
  #isReady = false;

  constructor(options: ContainerProbesOptions) {
    this.#options = options;
    this.#startedAt = options.clock.monotonic();
    const { startupProbe } = options.target.container;
    this.#isStarted = startupProbe === undefined;
    if (startupProbe === undefined) this.#begin();
    else this.#startup = this.#killing(startupProbe, 'Startup');
    this.#early = options.clock.after(relist, () => {
      if (!this.#isReady) this.#readiness?.kick();
    });
  }

  get isStarted(): boolean {
    return this.#isStarted;
  }

  get isReady(): boolean {
    return this.#isReady;
  }

  /** The pod is being deleted: nothing restarts it any more, but readiness is still told. */
  stopKilling(): void {
    this.#startup?.stop();
    this.#liveness?.stop();
  }

  stop(): void {
    this.stopKilling();
    this.#readiness?.stop();
    this.#early?.cancel();
    this.#isReady = false;
  }

  #begin(): void {
    const { livenessProbe, readinessProbe } = this.#options.target.container;
    if (livenessProbe !== undefined) this.#liveness = this.#killing(livenessProbe, 'Liveness');
    if (readinessProbe === undefined) this.#isReady = true;
    else this.#readiness = this.#watching(readinessProbe);
  }

  #watching(probe: Probe): ProbeLoop {
    return this.#loop(probe, 'Readiness', (verdict) => {
      if (verdict !== undefined && this.#isReady !== (verdict === 'success')) {
        this.#isReady = verdict === 'success';
        this.#options.onChange();
      }
      return 'go-on';
    });
  }

  #killing(probe: Probe, kind: 'Startup' | 'Liveness'): ProbeLoop {
    return this.#loop(probe, kind, (verdict) => {
      if (verdict === 'failure') {
        this.#options.onUnhealthy(probe, kind);
        return 'stop';
      }
      if (verdict === undefined || kind === 'Liveness') return 'go-on';
      this.#isStarted = true;
      this.#begin();
      this.#options.onChange();
      return 'stop';
    });
  }

  #loop(probe: Probe, kind: string, judge: (verdict: 'success' | 'failure' | undefined) => 'go-on' | 'stop'): ProbeLoop {
    const { clock, target, onEvent } = this.#options;
    return new ProbeLoop({
      clock,
      probe,
      startedAt: this.#startedAt,
      attempt: (signal) => tryProbe(probe, target, signal),
      onResult: (result, verdict) => {
        if (!result.isSuccess)
          onEvent({
            type: 'Warning',
            reason: 'Unhealthy',
            message: `${kind} probe failed: ${result.message}`,
            fieldPath: `spec.containers{${target.container.name}}`,
          });
        return judge(verdict);
      },
    });
  }
}

import type { Probe } from 'kubernetes-types/core/v1.d.ts';
import { isAbort, millis, seconds, type Clock } from '../../../core/index.ts';
import type { ProbeResult } from './probe.ts';

export interface ProbeLoopOptions {
  readonly clock: Clock;
  readonly probe: Probe;
  /** `clock.monotonic()` of the container's start: the initial delay counts from there. */
  readonly startedAt: number;
  /** One try; `signal` aborts at the probe's timeout. */
  readonly attempt: (signal: AbortSignal) => Promise<ProbeResult>;
  /** After each try: `verdict` once a threshold is reached in a row. Answer `stop` to end the loop. */
  readonly onResult: (result: ProbeResult, verdict: 'success' | 'failure' | undefined) => 'go-on' | 'stop';
}

/** Runs one try under its timeout. */
const withTimeout = async ({ clock, probe, attempt }: ProbeLoopOptions, signal: AbortSignal): Promise<ProbeResult> => {
  const timeout = new AbortController();
  const timer = clock.after(seconds(probe.timeoutSeconds ?? 1), () => {
    timeout.abort();
  });
  try {
    return await attempt(AbortSignal.any([timeout.signal, signal]));
  } finally {
    timer.cancel();
  }
};

/**
 * The tries of one probe of a running container: the first right after the initial delay, then one a period, never two at once; a verdict after
 * `successThreshold` or `failureThreshold` results of a kind in a row (kubernetes `pkg/kubelet/prober/worker.go`).
 */
export class ProbeLoop {
  readonly #options: ProbeLoopOptions;
  readonly #abort = new AbortController();
  #wake: (() => void) | undefined;

  constructor(options: ProbeLoopOptions) {
    this.#options = options;
    void this.#run(this.#abort.signal).catch((thrown: unknown) => {
      if (!isAbort(thrown) && !this.#abort.signal.aborted) throw thrown;
    });
  }

  /** Tries now rather than at the end of the period. */
  kick(): void {
    this.#wake?.();
  }

  stop(): void {
    this.#abort.abort();
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { clock, probe, startedAt, onResult } = this.#options;
    const delay = startedAt + (probe.initialDelaySeconds ?? 0) * 1000 - clock.monotonic();
    if (delay > 0) await clock.sleep(millis(delay), signal);
    let inRow = 0;
    let last: boolean | undefined;
    for (;;) {
      const triedAt = clock.monotonic();
      const result = await withTimeout(this.#options, signal);
      if (signal.aborted) return;
      inRow = result.isSuccess === last ? inRow + 1 : 1;
      last = result.isSuccess;
      const threshold = result.isSuccess ? (probe.successThreshold ?? 1) : (probe.failureThreshold ?? 3);
      const verdict = inRow < threshold ? undefined : result.isSuccess ? 'success' : 'failure';
      if (onResult(result, verdict) === 'stop') return;
      await this.#pause(triedAt + (probe.periodSeconds ?? 10) * 1000 - clock.monotonic(), signal);
    }
  }

  async #pause(wait: number, signal: AbortSignal): Promise<void> {
    const kicked = new AbortController();
    this.#wake = () => {
      kicked.abort();
    };
    try {
      await this.#options.clock.sleep(millis(Math.max(0, wait)), AbortSignal.any([signal, kicked.signal]));
    } catch (thrown) {
      if (signal.aborted || !kicked.signal.aborted) throw thrown;
    } finally {
      this.#wake = undefined;
    }
  }
}

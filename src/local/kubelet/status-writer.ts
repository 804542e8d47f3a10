import type { PodStatus } from 'kubernetes-types/core/v1.d.ts';
import { messageOf, millis, type Clock, type Logger, type Timer } from '../../core/index.ts';
import type { KubeletApi, PodRef } from './kubelet-api.ts';

export interface StatusWriterOptions {
  readonly api: KubeletApi;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly pod: PodRef;
  /** The status as it is at the moment of writing. */
  readonly compose: () => PodStatus;
  readonly annotations: () => Readonly<Record<string, string>>;
}

const firstRetry = 100;
const lastRetry = 10_000;

/** Keeps a pod's status in the API up to date: one write at a time, always of the latest state, until it succeeds or the pod is gone. */
export class StatusWriter {
  readonly #options: StatusWriterOptions;
  #isWanted = false;
  #writing: Promise<void> | undefined;
  #retry: Timer | undefined;
  #failures = 0;
  #closed = false;

  constructor(options: StatusWriterOptions) {
    this.#options = options;
  }

  /** Something changed. Changes of the same moment make one write. */
  request(): void {
    if (this.#closed) return;
    this.#isWanted = true;
    this.#retry?.cancel();
    this.#retry = undefined;
    this.#writing ??= Promise.resolve().then(() => this.#writeAll());
  }

  /** Resolves when everything known now is written, or the pod is gone. */
  async settled(): Promise<void> {
    for (;;) {
      await this.#writing;
      if (!this.#isWanted || this.#closed) return;
      await this.#backOff();
    }
  }

  /** Removes the pod from the API: the end of its deletion. */
  async finish(): Promise<void> {
    for (this.#failures = 0; !this.#closed;) {
      try {
        await this.#options.api.finishPod(this.#options.pod);
        return;
      } catch (thrown) {
        this.#failed('a deleted pod could not be removed from the API', thrown);
        await this.#backOff();
      }
    }
  }

  close(): void {
    this.#closed = true;
    this.#retry?.cancel();
  }

  async #writeAll(): Promise<void> {
    const { api, pod, compose, annotations } = this.#options;
    try {
      while (this.#isWanted && !this.#closed) {
        this.#isWanted = false;
        if ((await api.writePodStatus(pod, compose(), annotations())) === 'gone') this.close();
        this.#failures = 0;
      }
    } catch (thrown) {
      this.#isWanted = true;
      this.#failed('a pod status could not be written', thrown);
      this.#retry = this.#options.clock.after(millis(this.#delay()), () => {
        this.request();
      });
    } finally {
      this.#writing = undefined;
    }
  }

  #failed(what: string, thrown: unknown): void {
    this.#failures += 1;
    const { logger, pod } = this.#options;
    logger.warn(what, { namespace: pod.namespace, pod: pod.name, failures: this.#failures, error: messageOf(thrown) });
  }

  #delay(): number {
    return Math.min(lastRetry, firstRetry * 2 ** this.#failures);
  }

  #backOff(): Promise<void> {
    return new Promise((resolve) => {
      this.#options.clock.after(millis(this.#delay()), resolve);
    });
  }
}

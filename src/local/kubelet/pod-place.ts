import type { Pod } from 'kubernetes-types/core/v1.d.ts';
import { messageOf, millis, type Clock } from '../../core/index.ts';
import type { Addressing, Allotment } from './addressing/addressing.ts';
import { KubeletError } from './errors.ts';
import { unshared, type Isolation, type PodIsolation } from './isolation/isolation.ts';
import type { PodEvent, PodRef } from './kubelet-api.ts';

export interface PodPlaceOptions {
  /** As it is now. */
  readonly pod: () => Pod;
  readonly ref: PodRef;
  readonly addressing: Addressing;
  readonly isolation: Isolation;
  readonly clock: Clock;
  /** It takes longer than a moment, or has failed and is tried again. */
  readonly onWaiting: () => void;
  readonly onEvent: (event: PodEvent) => void;
}

/** As kubelets first wait for a volume that cannot be mounted, and then double; here it stays. */
const retryAfter = millis(500);

/** A pod that has not what it needs by then is told of before it has. */
const moment = millis(20);

/** What the containers of a pod share: its address, and through it a network, volumes and files. */
export class PodPlace {
  readonly #options: PodPlaceOptions;
  #allotment: Allotment | undefined;
  #isolation: PodIsolation = unshared;

  constructor(options: PodPlaceOptions) {
    this.#options = options;
  }

  /** Undefined until it is settled. */
  get allotment(): Allotment | undefined {
    return this.#allotment;
  }

  get isolation(): PodIsolation {
    return this.#isolation;
  }

  /** Tries until it can be had; rejects when `signal` aborts meanwhile. */
  async settle(signal: AbortSignal): Promise<void> {
    const { clock, onWaiting } = this.#options;
    const telling = clock.after(moment, onWaiting);
    try {
      while (!(await this.#try())) {
        onWaiting();
        await clock.sleep(retryAfter, signal);
      }
    } finally {
      telling.cancel();
    }
  }

  /** Gives everything back; a second call is for the same. Never rejects. */
  free(): Promise<void> {
    this.#allotment?.release();
    return this.#isolation.close();
  }

  /** False: it could not be had, and an Event says why. */
  async #try(): Promise<boolean> {
    const { addressing, isolation, onEvent, pod, ref } = this.#options;
    let allotment: Allotment | undefined;
    try {
      allotment = await addressing.allot(pod());
      this.#isolation = await isolation.open(ref, pod(), allotment);
      this.#allotment = allotment;
      return true;
    } catch (thrown) {
      allotment?.release();
      onEvent(
        thrown instanceof KubeletError && thrown.code === 'no-volume'
          ? { type: 'Warning', reason: 'FailedMount', message: thrown.message }
          : { type: 'Warning', reason: 'FailedCreatePodSandBox', message: `Failed to create pod sandbox: ${messageOf(thrown)}` },
      );
      return false;
    }
  }
}

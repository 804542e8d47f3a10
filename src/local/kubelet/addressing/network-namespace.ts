import type { Pod } from 'kubernetes-types/core/v1.d.ts';
import { KubeletError } from '../errors.ts';
import { declaredPorts, portEnvironment, type Addressing, type Allotment } from './addressing.ts';

/** Listened on where a pod declares no port. */
const defaultPort = 8080;

/** Addresses in 10.77.0.0/16 by number; .0 and .255 of each block are left out, and 10.77.0.1 is the node. */
const addressOf = (number: number): string => `10.77.${Math.floor(number / 254)}.${(number % 254) + 1}`;
const address6Of = (number: number): string => `fd77::2:${number.toString(16)}`;

const firstPod = 1;
const pastLast = 256 * 254;

/**
 * Every pod has an address of 10.77.0.0/16 and keeps its container ports. The whole network must be local to the namespace that the kubelet
 * runs in (`ip route add local 10.77.0.0/16 dev lo`). Needed with a real API server, whose EndpointSlices refuse 127.0.0.0/8.
 */
export class NetworkNamespaceAddressing implements Addressing {
  readonly hostIP: string;
  readonly #taken = new Set<number>();
  #next: number;

  readonly #isDualStack: boolean;

  /** `share` of `shares` kubelets: each hands out addresses of its own part of the network. Dual stack: pods have an address of fd77::/64 too. */
  constructor(share = 0, shares = 1, isDualStack = false) {
    this.#isDualStack = isDualStack;
    const size = Math.floor(pastLast / shares);
    this.#first = share * size + firstPod;
    this.#past = (share + 1) * size;
    this.#next = this.#first;
    this.hostIP = addressOf(share * size);
  }

  readonly #first: number;
  readonly #past: number;

  allot(pod: Pod): Promise<Allotment> {
    const number = this.#free();
    if (number === undefined)
      return Promise.reject(new KubeletError('no-free-address', 'no free address of 10.77.0.0/16 is left for a pod', { retryable: true }));
    this.#taken.add(number);
    let isHeld = true;
    const podIP = addressOf(number);
    return Promise.resolve({
      podIP,
      ...(this.#isDualStack ? { podIP6: address6Of(number) } : {}),
      ports: undefined,
      environment: (index) => ({
        ...portEnvironment(declaredPorts(pod, index), (port) => port, defaultPort),
        HOST: this.#isDualStack ? '::' : podIP,
        POD_IP: podIP,
      }),
      release: () => {
        // A second time it may be another pod's.
        if (isHeld) this.#taken.delete(number);
        isHeld = false;
      },
    });
  }

  close(): void {
    this.#taken.clear();
  }

  /** In turn, so that an address comes again as late as possible. */
  #free(): number | undefined {
    for (let tried = this.#first; tried < this.#past; tried += 1) {
      const number = this.#next;
      this.#next = number + 1 === this.#past ? this.#first : number + 1;
      if (!this.#taken.has(number)) return number;
    }
    return undefined;
  }
}

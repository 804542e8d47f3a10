import type { Pod } from 'kubernetes-types/core/v1.d.ts';
import type { Clock, Random } from '../../../core/index.ts';
import { declaredPorts, portEnvironment, type Addressing, type Allotment } from './addressing.ts';
import { defaultRange, PortPool, type PortRange } from './port-pool.ts';

const loopback = '127.0.0.1';

/** Key of the annotation's map for the one port of a pod that declares none. */
const anyPort = '*';

/** Every pod is on 127.0.0.1, with ports of its own: works on any system and without privileges for programs that listen on `PORT`. */
export class LoopbackAddressing implements Addressing {
  readonly hostIP = loopback;
  readonly #pool: PortPool;

  constructor(clock: Clock, random: Random, range: PortRange = defaultRange) {
    this.#pool = new PortPool(range, clock, random);
  }

  async allot(pod: Pod): Promise<Allotment> {
    const containers = pod.spec?.containers ?? [];
    const declared = containers.map((_container, index) => declaredPorts(pod, index));
    const numbers = new Set(declared.flat().map(({ containerPort }) => String(containerPort)));
    const leases = new Map(
      await Promise.all([...(numbers.size === 0 ? [anyPort] : numbers)].map(async (number) => [number, await this.#pool.take()] as const)),
    );
    const ports = new Map([...leases].map(([number, { port }]) => [number, port]));
    return {
      podIP: loopback,
      ports,
      environment: (index) => ({
        // Where nothing is declared the first container is the one that serves.
        ...portEnvironment(declared[index] ?? [], (number) => ports.get(String(number)), index === 0 ? ports.get(anyPort) : undefined),
        HOST: loopback,
        POD_IP: loopback,
      }),
      release: () => {
        for (const lease of leases.values()) lease.release();
      },
    };
  }

  close(): void {
    this.#pool.close();
  }
}

import type { Settings } from './settings.ts';
import type { Workload } from './load.ts';

/** A pod of the simulation. */
export interface SimulatedPod {
  readonly uid: string;
  readonly name: string;
  readonly workload: Workload;
  readonly revision: number;
  readonly image: string;
  readonly createdAt: number;
  readonly isWake: boolean;
  machine: Machine | undefined;
  isReady: boolean;
  readyAt: number;
}

/** A virtual machine: what it has, what is on it, and what starts there. */
export class Machine {
  readonly name: string;
  readonly slot: number;
  readonly zone: string;
  readonly slowness: number;
  readonly pods = new Set<SimulatedPod>();
  /** Bytes by image; the one that was used last comes last. */
  readonly images = new Map<string, number>();
  /** Who waits for an image that is on its way. */
  readonly pulls = new Map<string, SimulatedPod[]>();
  readonly starting = new Set<SimulatedPod>();
  readonly #settings: Settings;
  cpu = 0;
  memory = 0;
  /** Since when nothing is on it. */
  idleSince = 0;

  constructor(settings: Settings, slot: number, name: string, slowness: number) {
    this.#settings = settings;
    [this.slot, this.name, this.slowness, this.zone] = [slot, name, slowness, `zone-${String.fromCharCode(97 + (slot % settings.zones))}`];
  }

  hasRoom({ cpu, memory }: Workload): boolean {
    return this.cpu + cpu <= this.#settings.cores && this.memory + memory <= this.#settings.memory && this.pods.size < 110;
  }

  add(pod: SimulatedPod): void {
    this.pods.add(pod);
    this.cpu += pod.workload.cpu;
    this.memory += pod.workload.memory;
  }

  remove(pod: SimulatedPod, at: number): void {
    this.pods.delete(pod);
    this.starting.delete(pod);
    this.cpu -= pod.workload.cpu;
    this.memory -= pod.workload.memory;
    if (this.pods.size === 0) this.idleSince = at;
  }

  /** How fast each of its starts goes, in cores. */
  get startSpeed(): number {
    const { cores, coresOfStart, usedOfRequest } = this.#settings;
    let used = 0;
    for (const { isReady, workload } of this.pods) if (isReady) used += usedOfRequest * workload.cpu;
    return Math.min(coresOfStart, Math.max(1, cores - used) / Math.max(1, this.starting.size)) / this.slowness;
  }

  use(image: string, bytes: number): void {
    this.images.delete(image);
    this.images.set(image, bytes);
    let total = 0;
    for (const size of this.images.values()) total += size;
    const used = new Set(Array.from(this.pods, (pod) => pod.image));
    for (const [name, size] of this.images) {
      if (total <= this.#settings.imageDisk) return;
      if (used.has(name)) continue;
      this.images.delete(name);
      total -= size;
    }
  }

  /** As the node's status has them. */
  get namedImages(): readonly string[] {
    return [...this.images]
      .sort(([, one], [, other]) => other - one)
      .slice(0, this.#settings.imagesInStatus)
      .map(([name]) => name);
  }
}

import { seededRandom } from '../../../src/core/index.ts';
import { Machine } from './machine.ts';
import type { Settings } from './settings.ts';

/** A model autoscaler: asks for machines while pods wait for room, each pod for its part of one, and gives back what has been idle for long enough. */
export class Machines {
  readonly #settings: Settings;
  readonly #seed: number;
  readonly #free: number[];
  readonly #generations: number[];
  /** When each that is asked for is there. */
  readonly #booting: { readonly at: number; readonly slot: number }[] = [];
  readonly up = new Set<Machine>();

  constructor(settings: Settings, seed: number) {
    [this.#settings, this.#seed] = [settings, seed];
    this.#free = Array.from({ length: settings.machines }, (_, slot) => slot);
    this.#generations = this.#free.map(() => 0);
  }

  /** The next time that one is there or is given back. */
  get nextAt(): number {
    const { idleMs = Infinity } = this.#settings;
    let least = this.#booting[0]?.at ?? Infinity;
    for (const { pods, idleSince } of this.up) if (pods.size === 0) least = Math.min(least, idleSince + idleMs);
    return least;
  }

  get booting(): number {
    return this.#booting.length;
  }

  /** All of them, at once. */
  bootAll(): readonly Machine[] {
    return this.#free.splice(0).map((slot) => this.#boot(slot, 0));
  }

  ask(at: number, waiting: readonly { readonly cpu: number; readonly memory: number }[]): void {
    const { cores, memory, bootMs } = this.#settings;
    const sum = (of: (each: { readonly cpu: number; readonly memory: number }) => number): number => waiting.reduce((total, each) => total + of(each), 0);
    const wanted = Math.ceil(Math.max(sum((each) => each.cpu) / cores, sum((each) => each.memory) / memory));
    while (this.#booting.length < wanted && this.#free.length > 0) this.#booting.push({ at: at + bootMs, slot: this.#free.shift()! });
  }

  arrived(at: number): readonly Machine[] {
    const arrived: Machine[] = [];
    while ((this.#booting[0]?.at ?? Infinity) <= at) arrived.push(this.#boot(this.#booting.shift()!.slot, at));
    return arrived;
  }

  idle(at: number): readonly Machine[] {
    const { idleMs = Infinity } = this.#settings;
    const idle = [...this.up].filter(({ pods, idleSince }) => pods.size === 0 && idleSince + idleMs <= at);
    for (const machine of idle) {
      this.up.delete(machine);
      this.#free.push(machine.slot);
    }
    return idle;
  }

  /** Another machine each time: empty, and as quick as it happens to be. */
  #boot(slot: number, at: number): Machine {
    const generation = (this.#generations[slot]! += 1);
    let luck = seededRandom(this.#seed * 7_919 + slot * 104_729 + generation)();
    let slowness = 1;
    for (const kind of this.#settings.slow) {
      if (luck >= 0 && luck < kind.share) ({ slowness } = kind);
      luck -= kind.share;
    }
    const machine = new Machine(this.#settings, slot, `m${slot}-${generation}`, slowness);
    machine.idleSince = at;
    this.up.add(machine);
    return machine;
  }
}

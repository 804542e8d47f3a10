import type { Amount, Leaving, PlacementNode } from '../../decider/index.ts';
import type { NodeView, PodRequestsView } from '../../kube/index.ts';
import type { ImageIndex } from './image-index.ts';

/** Of a node: three of what there is, three of what is requested of it, how many pods start there, and how slow starts are. A line of 64 bytes. */
const stride = 8;
const requestedAt = 3;
const startingAt = 6;
const slownessAt = 7;

/**
 * The figures of all nodes side by side: who looks at thousands of them for one pod waits for memory more than for anything else. Also gives out the
 * slots, the smallest first, so that they stay few.
 */
export class NodeFigures {
  values = new Float64Array(stride * 64);
  readonly #free: number[] = [];
  #slots = 0;

  take(): number {
    const slot = this.#free.pop() ?? this.#slots++;
    if ((slot + 1) * stride > this.values.length) {
      const larger = new Float64Array(this.values.length * 2);
      larger.set(this.values);
      this.values = larger;
    }
    this.values.fill(0, slot * stride, (slot + 1) * stride);
    return slot;
  }

  give(slot: number): void {
    this.#free.push(slot);
  }
}

/** Three figures that stand one after the other. CPU in whole millicores and memory in whole bytes: adding and taking away never leaves a remainder. */
class Figures implements Amount {
  readonly #all: NodeFigures;
  readonly #at: number;

  constructor(all: NodeFigures, at: number) {
    [this.#all, this.#at] = [all, at];
  }

  get cpu(): number {
    return (this.#all.values[this.#at] ?? 0) / 1000;
  }

  get memory(): number {
    return this.#all.values[this.#at + 1] ?? 0;
  }

  get pods(): number {
    return this.#all.values[this.#at + 2] ?? 0;
  }

  set({ cpu, memory, pods }: Amount): void {
    this.#all.values.set([Math.round(cpu * 1000), memory, pods], this.#at);
  }

  add({ cpu, memory }: PodRequestsView, by: 1 | -1): void {
    const [millicores = 0, bytes = 0, pods = 0] = this.#all.values.subarray(this.#at, this.#at + 3);
    this.#all.values.set([millicores + by * Math.round(cpu * 1000), bytes + by * Math.round(memory), pods + by], this.#at);
  }
}

const noLabels: PlacementNode['labels'] = {};

/** A node with what is on it. Pods may be seen before their node is. */
export class BookNode implements PlacementNode {
  readonly name: string;
  readonly slot: number;
  readonly allocatable: Figures;
  readonly requested: Figures;
  leaving: Leaving | undefined;
  zone: string | undefined;
  labels = noLabels;
  readonly #figures: NodeFigures;
  readonly #images: ImageIndex;
  #view: NodeView | undefined;

  constructor(name: string, figures: NodeFigures, images: ImageIndex) {
    [this.name, this.#figures, this.#images] = [name, figures, images];
    this.slot = figures.take();
    this.allocatable = new Figures(figures, this.slot * stride);
    this.requested = new Figures(figures, this.slot * stride + requestedAt);
  }

  /** Knows of an image whether it is here. */
  get images(): this {
    return this;
  }

  has(image: string): boolean {
    return this.#images.isOn(image, this.slot);
  }

  get starting(): number {
    return this.#figures.values[this.slot * stride + startingAt] ?? 0;
  }
  set starting(count: number) {
    this.#figures.values[this.slot * stride + startingAt] = count;
  }

  get slowness(): number | undefined {
    const slowness = this.#figures.values[this.slot * stride + slownessAt] ?? 0;
    return slowness > 0 ? slowness : undefined;
  }
  set slowness(slowness: number | undefined) {
    this.#figures.values[this.slot * stride + slownessAt] = slowness ?? 0;
  }

  /** Undefined: pods are there, and no node was seen. */
  get view(): NodeView | undefined {
    return this.#view;
  }
  set view(view: NodeView | undefined) {
    this.#view = view;
    this.zone = view?.zone;
    this.labels = view?.labels ?? noLabels;
    this.allocatable.set(view?.allocatable ?? { cpu: 0, memory: 0, pods: 0 });
  }
}

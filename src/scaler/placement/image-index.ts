import type { NodeView } from '../../kube/index.ts';

/** Images that are kept track of: as many as workloads run that are placed at a time. */
const mostImages = 2_000;

/** A node in the book. */
interface Slotted {
  readonly slot: number;
  readonly view: NodeView | undefined;
}

/** Which nodes have an image, by their slots. Only of images that were asked about: nodes have a hundred times more. */
export class ImageIndex {
  readonly #nodes: () => Iterable<Slotted>;
  /** The one that was asked about first comes first. */
  readonly #slotsOf = new Map<string, Bits>();
  /** The newest answer: one image is asked about for thousands of nodes in a row. */
  #last: { readonly image: string; readonly slots: Bits } | undefined;

  constructor(nodes: () => Iterable<Slotted>) {
    this.#nodes = nodes;
  }

  isOn(image: string, slot: number): boolean {
    if (this.#last?.image !== image) this.#last = { image, slots: this.#slotsOf.get(image) ?? this.#find(image) };
    return this.#last.slots.has(slot);
  }

  /** The node is new, has other images than before, or is gone. */
  changed(slot: number, before: readonly string[], now: readonly string[]): void {
    for (const image of before) this.#slotsOf.get(image)?.set(slot, false);
    for (const image of now) this.#slotsOf.get(image)?.set(slot, true);
  }

  #find(image: string): Bits {
    const found = new Bits();
    for (const { slot, view } of this.#nodes()) if (view?.images.includes(image) === true) found.set(slot, true);
    const [first] = this.#slotsOf.keys();
    if (this.#slotsOf.size >= mostImages && first !== undefined) this.#slotsOf.delete(first);
    this.#slotsOf.set(image, found);
    return found;
  }
}

/** A set of small numbers. */
class Bits {
  #bytes = new Uint8Array(64);

  has(at: number): boolean {
    return ((this.#bytes[at >> 3] ?? 0) & (1 << (at & 7))) !== 0;
  }

  set(at: number, is: boolean): void {
    if (at >> 3 >= this.#bytes.length) {
      if (!is) return;
      const larger = new Uint8Array(Math.max(this.#bytes.length * 2, (at >> 3) + 1));
      larger.set(this.#bytes);
      this.#bytes = larger;
    }
    const byte = this.#bytes[at >> 3] ?? 0;
    this.#bytes[at >> 3] = is ? byte | (1 << (at & 7)) : byte & ~(1 << (at & 7));
  }
}

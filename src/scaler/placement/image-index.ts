import type { NodeView } from '../../kube/index.ts';

/** Images that are kept track of: as many as workloads run that are placed at a time. */
const mostImages = 2_000;

/** Which nodes have an image. Only of images that were asked about: nodes have a hundred times more. */
export class ImageIndex {
  readonly #nodes: () => Iterable<NodeView>;
  /** The one that was asked about first comes first. */
  readonly #nodesOf = new Map<string, Set<string>>();

  constructor(nodes: () => Iterable<NodeView>) {
    this.#nodes = nodes;
  }

  isOn(image: string, node: string): boolean {
    return (this.#nodesOf.get(image) ?? this.#find(image)).has(node);
  }

  /** The node is new, has other images than before, or is gone. */
  changed(node: string, before: readonly string[], now: readonly string[]): void {
    for (const image of before) this.#nodesOf.get(image)?.delete(node);
    for (const image of now) this.#nodesOf.get(image)?.add(node);
  }

  #find(image: string): ReadonlySet<string> {
    const found = new Set<string>();
    for (const { name, images } of this.#nodes()) if (images.includes(image)) found.add(name);
    const [first] = this.#nodesOf.keys();
    if (this.#nodesOf.size >= mostImages && first !== undefined) this.#nodesOf.delete(first);
    this.#nodesOf.set(image, found);
    return found;
  }
}

import { isObject, type JsonObject } from '../json.ts';

/**
 * One step of a path as `fieldsV1` spells it: `f:NAME` a field, `k:{"name":"web"}` the item of a list by its keys, `v:"x"` the item of a
 * set by its value (structured-merge-diff `fieldpath/serialize-pe.go`).
 */
export type PathElement = string;

interface Node {
  member: boolean;
  readonly children: FieldSet;
}

/** A set of paths, as a tree. Operations return new sets; only `insert` changes one, while it is built. */
export class FieldSet {
  readonly #nodes = new Map<PathElement, Node>();

  /** Reads `fieldsV1`; anything that is not an object is the empty set. */
  static parse(fieldsV1: unknown): FieldSet {
    const set = new FieldSet();
    if (!isObject(fieldsV1)) return set;
    for (const [element, inner] of Object.entries(fieldsV1)) {
      if (element === '.' || !isObject(inner)) continue;
      const children = FieldSet.parse(inner);
      set.#nodes.set(element, { member: children.isEmpty || Object.hasOwn(inner, '.'), children });
    }
    return set;
  }

  /** The form that `metadata.managedFields[].fieldsV1` has. */
  print(): JsonObject {
    const printed: [string, unknown][] = [];
    for (const [element, { member, children }] of [...this.#nodes].sort(([left], [right]) => (left < right ? -1 : 1))) {
      const inner = children.print();
      printed.push([element, member && !children.isEmpty ? { '.': {}, ...inner } : inner]);
    }
    return Object.fromEntries(printed);
  }

  get isEmpty(): boolean {
    return this.#nodes.size === 0;
  }

  insert(path: readonly PathElement[]): void {
    const [first, ...rest] = path;
    if (first === undefined) return;
    const node = this.#node(first);
    if (rest.length === 0) node.member = true;
    else node.children.insert(rest);
  }

  has(element: PathElement): boolean {
    return this.#nodes.get(element)?.member === true;
  }

  /** What lies under `element`; the empty set if nothing does. */
  under(element: PathElement): FieldSet {
    return this.#nodes.get(element)?.children ?? new FieldSet();
  }

  union(other: FieldSet): FieldSet {
    return this.#combine(other, (left, right) => left || right);
  }

  intersection(other: FieldSet): FieldSet {
    return this.#combine(other, (left, right) => left && right);
  }

  difference(other: FieldSet): FieldSet {
    return this.#combine(other, (left, right) => left && !right);
  }

  /** Without these top-level elements and all under them. */
  without(elements: readonly PathElement[]): FieldSet {
    const kept = new FieldSet();
    for (const [element, node] of this.#nodes) if (!elements.includes(element)) kept.#nodes.set(element, node);
    return kept;
  }

  /** Every field that has something under it becomes a member itself (list items do not). */
  withNamedAncestors(): FieldSet {
    const set = new FieldSet();
    for (const [element, { member, children }] of this.#nodes) {
      const named = element.startsWith('f:') && !children.isEmpty;
      set.#nodes.set(element, { member: member || named, children: children.withNamedAncestors() });
    }
    return set;
  }

  /** Every path of the set, each as people read it: `.spec.template.spec.containers[name="web"].image`. */
  paths(): string[] {
    const paths: string[] = [];
    for (const [element, { member, children }] of this.#nodes) {
      const text = printElement(element);
      if (member) paths.push(text);
      for (const inner of children.paths()) paths.push(text + inner);
    }
    return paths;
  }

  equals(other: FieldSet): boolean {
    return this.difference(other).isEmpty && other.difference(this).isEmpty;
  }

  #node(element: PathElement): Node {
    const existing = this.#nodes.get(element);
    if (existing !== undefined) return existing;
    const node: Node = { member: false, children: new FieldSet() };
    this.#nodes.set(element, node);
    return node;
  }

  #combine(other: FieldSet, keep: (left: boolean, right: boolean) => boolean): FieldSet {
    const set = new FieldSet();
    for (const element of new Set([...this.#nodes.keys(), ...other.#nodes.keys()])) {
      const member = keep(this.has(element), other.has(element));
      const children = this.under(element).#combine(other.under(element), keep);
      if (member || !children.isEmpty) set.#nodes.set(element, { member, children });
    }
    return set;
  }
}

export const field = (name: string): PathElement => `f:${name}`;
export const itemWithKeys = (keys: readonly (readonly [string, unknown])[]): PathElement =>
  `k:${JSON.stringify(Object.fromEntries(keys.toSorted(([left], [right]) => (left < right ? -1 : 1))))}`;
export const itemWithValue = (value: unknown): PathElement => `v:${JSON.stringify(value)}`;

const printElement = (element: PathElement): string => {
  const text = element.slice(2);
  if (element.startsWith('f:')) return `.${text}`;
  if (element.startsWith('v:')) return `[=${text}]`;
  const keys: unknown = JSON.parse(text);
  return `[${Object.entries(isObject(keys) ? keys : {})
    .map(([name, value]) => `${name}=${JSON.stringify(value)}`)
    .join(',')}]`;
};

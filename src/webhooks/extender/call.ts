import { failed, ok, type Result } from '../../core/index.ts';
import type { KubeObject } from '../../kube/index.ts';
import { isJson, type Json } from '../admission/review.ts';
import type { KnownName, KnownNames } from './known-names.ts';
import { namesText, type NamesText } from './names-text.ts';
import { isName, podToPlace } from './pod-to-place.ts';
import type { PodToPlace, SentNode } from './ports.ts';

/** What a scheduler asks: `ExtenderArgs` of k8s.io/kube-scheduler/extender/v1, whose keys are capitalised. */
export interface ExtenderCall {
  readonly pod: PodToPlace;
  /** Of the nodes, in the scheduler's order. */
  readonly names: readonly string[];
  /** The same names as earlier calls had them, where they are in the form that schedulers write. */
  readonly known: readonly KnownName[] | undefined;
  /** The `NodeList` as it came; undefined in names-only mode. */
  readonly list: (Json & { readonly items: readonly unknown[] }) | undefined;
  readonly sent: SentNode;
  /** The names as they stand in the body, where it is in the form that schedulers write. */
  readonly text: NamesText | undefined;
}

/** Several times what Kubernetes is tested with; an answer for one node has some 40 bytes. */
const mostNodes = 50_000;
const podOf = (object: unknown): Result<PodToPlace, string> => {
  if (!isJson(object)) return failed('want an object "Pod"');
  const pod = podToPlace(object);
  return pod.uid === '' || pod.namespace === '' || pod.name === '' ? failed('want texts "Pod.metadata.uid", "namespace" and "name"') : ok(pod);
};

const tooMany = failed(`more than ${mostNodes} nodes`);
const unsent: SentNode = () => undefined;

type Nodes = Pick<ExtenderCall, 'names' | 'known' | 'list' | 'sent' | 'text'>;

const namesOnly = (names: unknown): Result<Nodes, string> => {
  if (!Array.isArray(names)) return failed('want a list "NodeNames"');
  if (names.length > mostNodes) return tooMany;
  return names.every(isName)
    ? ok({ names, known: undefined, list: undefined, sent: unsent, text: undefined })
    : failed('want texts in "NodeNames", as nodes are named');
};

const nameOf = (node: unknown): unknown => (isJson(node) && isJson(node['metadata']) ? node['metadata']['name'] : undefined);

const wholeNodes = (list: unknown): Result<Nodes, string> => {
  if (!isJson(list)) return failed('want an object "Nodes"');
  // Go writes a list without anything as null.
  const items: unknown = list['items'] ?? [];
  if (!Array.isArray(items)) return failed('want a list "Nodes.items"');
  if (items.length > mostNodes) return tooMany;
  const names = items.map(nameOf);
  if (!names.every(isName)) return failed('want Nodes with a text "metadata.name" in "Nodes.items"');
  let byName: ReadonlyMap<string, KubeObject> | undefined;
  const sent: SentNode = (name) => (byName ??= new Map(names.map((each, index) => [each, items[index] as KubeObject]))).get(name);
  return ok({ names, known: undefined, list: { ...list, items }, sent, text: undefined });
};

const anyForm = (body: unknown): Result<ExtenderCall, string> => {
  if (!isJson(body)) return failed('want a JSON object with "Pod" and "NodeNames" or "Nodes"');
  const pod = podOf(body['Pod']);
  if (!pod.ok) return pod;
  const { NodeNames: names, Nodes: list } = body;
  const [withNames, withList] = [names !== undefined && names !== null, list !== undefined && list !== null];
  if (withNames === withList) return failed('want either "NodeNames" or "Nodes"');
  const nodes = withNames ? namesOnly(names) : wholeNodes(list);
  return nodes.ok ? ok({ pod: pod.value, ...nodes.value }) : nodes;
};

/** Reads the names when somebody wants them. A class, because an accessor of an object literal is one of its hidden class, which then keeps what that closes over. */
class NamesCall implements ExtenderCall {
  readonly pod: PodToPlace;
  readonly text: NamesText;
  readonly list = undefined;
  readonly sent = unsent;
  readonly #before: KnownNames;
  #names: readonly string[] | undefined;

  constructor(pod: PodToPlace, text: NamesText, before: KnownNames) {
    [this.pod, this.text, this.#before] = [pod, text, before];
  }

  get known(): readonly KnownName[] {
    return this.text.read(this.#before);
  }

  get names(): readonly string[] {
    this.#names ??= this.known.map(({ name }) => name);
    return this.#names;
  }
}

const parsed = (text: string): { readonly value: unknown } | undefined => {
  try {
    return { value: JSON.parse(text) };
  } catch {
    return undefined;
  }
};

/**
 * Reads what was asked; the problem is a sentence for whoever sent it. Which of the two lists is there depends on `nodeCacheCapable` of the scheduler's
 * configuration. A call keeps no longer than `body`: names in the form that schedulers write are read when somebody wants them, from those that came before.
 */
export const parseCall = (body: Buffer, before: KnownNames): Result<ExtenderCall, string> => {
  const written = namesText(body);
  const podAlone = written === undefined ? undefined : parsed(written.pod);
  if (written !== undefined && podAlone !== undefined) {
    const { names: text } = written;
    const pod = podOf(podAlone.value);
    if (!pod.ok) return pod;
    if (text.count > mostNodes) return tooMany;
    return ok(new NamesCall(pod.value, text, before));
  }
  const whole = parsed(body.toString('utf8'));
  return whole === undefined ? failed('the body is not JSON') : anyForm(whole.value);
};

import type { Container, Pod, ResourceFieldSelector } from 'kubernetes-types/core/v1.d.ts';
import { failed, ok, type Result } from '../../core/index.ts';

interface ResourceInput {
  readonly pod: Pod;
  readonly container: Container;
  readonly nodeCpus: number;
  readonly nodeMemoryBytes: number;
}

const suffixes: Readonly<Record<string, number>> = {
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  '': 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
};

/** A Kubernetes quantity (`500m`, `1.5Gi`, `1e3`) as a number; undefined if it is none. */
export const parseQuantity = (text: string): number | undefined => {
  const match = /^([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)([a-zA-Z]{0,2})$/.exec(text);
  const factor = suffixes[match?.[2] ?? ''];
  return match === null || factor === undefined ? undefined : Number(match[1]) * factor;
};

/** `limits.cpu` and its like, in units of the divisor, rounded up; a limit that is not set is what the node has. */
export const resourceValue = (input: ResourceInput, selector: ResourceFieldSelector): Result<string, string> => {
  const [list, name] = selector.resource.split('.', 2);
  const container =
    selector.containerName === undefined ? input.container : (input.pod.spec?.containers.find((one) => one.name === selector.containerName) ?? input.container);
  const isMemory = name === 'memory';
  if ((list !== 'limits' && list !== 'requests') || (!isMemory && name !== 'cpu' && name !== 'ephemeral-storage'))
    return failed(`unsupported resource field: ${selector.resource}`);
  const given = container.resources?.[list]?.[name];
  const otherwise = list === 'requests' ? 0 : isMemory ? input.nodeMemoryBytes : name === 'cpu' ? input.nodeCpus : 0;
  const amount = given === undefined ? otherwise : (parseQuantity(given) ?? otherwise);
  const divisor = parseQuantity(selector.divisor ?? '1') ?? 1;
  return ok(String(Math.ceil(amount / (divisor === 0 ? 1 : divisor))));
};

import type { Container, Pod, ResourceFieldSelector } from 'kubernetes-types/core/v1.d.ts';
import { failed, ok, parseQuantity, type Result } from '../../core/index.ts';

interface ResourceInput {
  readonly pod: Pod;
  readonly container: Container;
  readonly nodeCpus: number;
  readonly nodeMemoryBytes: number;
}

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

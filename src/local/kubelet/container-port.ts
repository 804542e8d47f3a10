import type { Container, Pod } from 'kubernetes-types/core/v1.d.ts';
import { printLocalPorts, resolvePodPort } from '../../core/index.ts';

/** The real port for a probe's or hook's port: a name is looked for in the container itself only, as kubelets do. */
export const resolveContainerPort = (
  pod: Pod,
  container: Container,
  allotted: ReadonlyMap<string, number> | undefined,
  port: number | string,
): number | undefined => {
  // A port in quotes is a number all the same.
  const wanted = typeof port === 'string' && /^\d+$/.test(port) ? Number(port) : port;
  const localPorts = allotted === undefined ? undefined : printLocalPorts(allotted);
  const found = resolvePodPort({ containers: [container], localPorts }, wanted);
  // A number that the pod does not declare stands for itself: the probe goes where the user says.
  return found ?? (typeof wanted === 'number' && pod.spec !== undefined ? wanted : undefined);
};

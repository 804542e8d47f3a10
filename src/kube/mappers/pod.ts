import { annotation, knativePrefix, prefix } from '../../core/index.ts';
import { at, flag, integer, isRecord, items, portReference, text, time } from '../reader.ts';
import type { ContainerView, PodView, ProbeView } from '../views.ts';
import { shared } from './interner.ts';
import { conditionOf, controllerOf, metaView } from './meta.ts';
import { podResourcesView } from './pod-resources.ts';

/** A Pod. Of its annotations only those that Rouse reads are kept. */
export const podView = (raw: unknown): PodView => {
  const scheduled = conditionOf(raw, 'PodScheduled');
  const ready = conditionOf(raw, 'Ready');
  const nodeName = text(at(raw, 'spec', 'nodeName'));
  return {
    ...metaView(raw, isOurs),
    owner: controllerOf(raw),
    phase: text(at(raw, 'status', 'phase')) ?? 'Pending',
    podIPs: addresses(raw),
    nodeName: nodeName === '' ? undefined : nodeName,
    ready: at(ready, 'status') === 'True',
    readyChangedAt: time(at(ready, 'lastTransitionTime')),
    resources: podResourcesView(raw),
    scheduled: at(scheduled, 'status') === 'True' || Boolean(nodeName),
    unschedulableMessage: at(scheduled, 'status') === 'False' ? (text(at(scheduled, 'message')) ?? text(at(scheduled, 'reason'))) : undefined,
    hasReadinessGates: items(at(raw, 'spec', 'readinessGates')).length > 0,
    containers: containerViews(raw, 'containers', 'containerStatuses'),
    ...(items(at(raw, 'spec', 'initContainers')).length === 0 ? {} : { initContainers: containerViews(raw, 'initContainers', 'initContainerStatuses') }),
  };
};

const isOurs = (key: string): boolean =>
  key.startsWith(prefix) || key.startsWith(knativePrefix) || key === annotation.localPorts || key === annotation.podDeletionCost;

const addresses = (raw: unknown): readonly string[] => {
  const all = items(at(raw, 'status', 'podIPs')).flatMap((each) => text(at(each, 'ip')) ?? []);
  const first = text(at(raw, 'status', 'podIP'));
  return all.length > 0 || !first ? all : [first];
};

const containerViews = (raw: unknown, spec: string, status: string): readonly ContainerView[] =>
  items(at(raw, 'spec', spec)).map((container) => containerView(container, items(at(raw, 'status', status))));

const containerView = (container: unknown, statuses: readonly unknown[]): ContainerView => {
  const name = text(at(container, 'name')) ?? '';
  const status = statuses.find((each) => at(each, 'name') === name);
  const { state, detail } = containerState(at(status, 'state'));
  return {
    name,
    image: text(at(container, 'image')) ?? '',
    ports: shared.share(items(at(container, 'ports')).flatMap(containerPort)),
    readinessProbe: shared.share({ probe: probeView(at(container, 'readinessProbe')) }).probe,
    state,
    stateReason: text(at(detail, 'reason')),
    stateMessage: text(at(detail, 'message')),
    ready: flag(at(status, 'ready')),
    ...(at(detail, 'reason') === 'CrashLoopBackOff' ? lastEndOf(at(status, 'lastState', 'terminated')) : {}),
  };
};

/** The message of a container's end stays where it is: clients of the workload get to read why it cannot wake. */
const lastEndOf = (ended: unknown): Pick<ContainerView, 'lastEnd'> => {
  const [code, reason] = [integer(at(ended, 'exitCode')), text(at(ended, 'reason'))];
  if (code === undefined) return {};
  return { lastEnd: `exit code ${String(code)}${reason === undefined ? '' : ` (${reason})`}` };
};

const containerState = (state: unknown): { readonly state: ContainerView['state']; readonly detail?: unknown } => {
  for (const each of ['running', 'waiting', 'terminated'] as const) {
    const detail = at(state, each);
    if (isRecord(detail)) return { state: each, detail };
  }
  return { state: 'unknown' };
};

const containerPort = (raw: unknown): ContainerView['ports'] => {
  const port = integer(at(raw, 'containerPort'));
  return port === undefined ? [] : [{ name: text(at(raw, 'name')), containerPort: port, protocol: text(at(raw, 'protocol')) ?? 'TCP' }];
};

/** A probe with the API server's defaults; undefined if there is none, or none of a kind we know. */
export const probeView = (raw: unknown): ProbeView | undefined => {
  for (const [field, kind] of [
    ['httpGet', 'http'],
    ['tcpSocket', 'tcp'],
    ['exec', 'exec'],
    ['grpc', 'grpc'],
  ] as const) {
    const action = at(raw, field);
    if (!isRecord(action)) continue;
    return {
      kind,
      port: portReference(action['port']),
      path: text(action['path']) ?? '/',
      headers: headers(action['httpHeaders']),
      timeoutSeconds: Math.max(1, integer(at(raw, 'timeoutSeconds')) ?? 1),
      scheme: action['scheme'] === 'HTTPS' ? 'HTTPS' : 'HTTP',
    };
  }
  return undefined;
};

const headers = (raw: unknown): Readonly<Record<string, string>> =>
  Object.fromEntries(
    items(raw).flatMap((each) => {
      const [name, value] = [text(at(each, 'name')), text(at(each, 'value'))];
      return name === undefined ? [] : [[name, value ?? '']];
    }),
  );

import { at, hasField, isTrue, listAt, numberAt, objectAt, objectsAt, textAt, type JsonObject } from './fields.ts';
import { since } from './age.ts';
import { ageColumn, column, nameColumn, orNone, wide, type Column } from './column.ts';

/** What READY, STATUS and RESTARTS say of a pod. */
interface PodSummary {
  readonly ready: number;
  readonly total: number;
  readonly status: string;
  readonly restarts: number;
  readonly lastRestart: string | undefined;
}

interface ContainerTally {
  ready: number;
  restarts: number;
  lastRestart: string | undefined;
}

const isSidecar = (pod: JsonObject, name: string | undefined): boolean =>
  objectsAt(pod, 'spec', 'initContainers').some((container) => textAt(container, 'name') === name && textAt(container, 'restartPolicy') === 'Always');

const count = (tally: ContainerTally, status: JsonObject): void => {
  tally.restarts += numberAt(status, 'restartCount') ?? 0;
  const finished = textAt(status, 'lastState', 'terminated', 'finishedAt');
  if (finished !== undefined && (tally.lastRestart === undefined || finished > tally.lastRestart)) tally.lastRestart = finished;
};

/** Why a container ended: its reason, else the signal or the exit code. */
const endOf = (terminated: JsonObject): string => {
  const reason = textAt(terminated, 'reason');
  if (reason !== undefined && reason !== '') return reason;
  const signal = numberAt(terminated, 'signal') ?? 0;
  return signal === 0 ? `ExitCode:${String(numberAt(terminated, 'exitCode') ?? 0)}` : `Signal:${String(signal)}`;
};

/** The status while init containers run, undefined once they are through. */
const initStatus = (pod: JsonObject, tally: ContainerTally, sidecars: ContainerTally): string | undefined => {
  const total = listAt(pod, 'spec', 'initContainers').length;
  for (const [index, status] of objectsAt(pod, 'status', 'initContainerStatuses').entries()) {
    const sidecar = isSidecar(pod, textAt(status, 'name'));
    count(tally, status);
    if (sidecar) count(sidecars, status);
    const terminated = objectAt(status, 'state', 'terminated');
    if (terminated !== undefined && numberAt(terminated, 'exitCode') === 0) continue;
    if (sidecar && at(status, 'started') === true) {
      if (at(status, 'ready') === true) tally.ready += 1;
      continue;
    }
    if (terminated !== undefined) return `Init:${endOf(terminated)}`;
    const waiting = textAt(status, 'state', 'waiting', 'reason') ?? '';
    return waiting !== '' && waiting !== 'PodInitializing' ? `Init:${waiting}` : `Init:${String(index)}/${String(total)}`;
  }
  return undefined;
};

const containerStatus = (pod: JsonObject, tally: ContainerTally, before: string): string => {
  let status = before;
  let failure = '';
  let running = false;
  for (const container of objectsAt(pod, 'status', 'containerStatuses').toReversed()) {
    count(tally, container);
    const waiting = textAt(container, 'state', 'waiting', 'reason') ?? '';
    const terminated = objectAt(container, 'state', 'terminated');
    if (waiting !== '') status = waiting;
    else if (terminated !== undefined) {
      status = endOf(terminated);
      if ((numberAt(terminated, 'exitCode') ?? 0) !== 0) failure = status;
    } else if (at(container, 'ready') === true && hasField(container, 'state', 'running')) {
      running = true;
      tally.ready += 1;
    }
  }
  if (status !== 'Completed') return status;
  if (running && isTrue(pod, 'Ready')) return 'Running';
  return failure === '' ? (running ? 'NotReady' : status) : failure;
};

/** As kube-apiserver sums a pod up (`pkg/printers/internalversion`, printPod). */
const summaryOf = (pod: JsonObject): PodSummary => {
  const phase = textAt(pod, 'status', 'phase') ?? '';
  const gated = objectsAt(pod, 'status', 'conditions').some((condition) => textAt(condition, 'reason') === 'SchedulingGated');
  const plain = gated ? 'SchedulingGated' : (textAt(pod, 'status', 'reason') ?? phase);
  const tally: ContainerTally = { ready: 0, restarts: 0, lastRestart: undefined };
  const sidecars: ContainerTally = { ready: 0, restarts: 0, lastRestart: undefined };
  const initialising = initStatus(pod, tally, sidecars);
  let status = initialising ?? plain;
  if (initialising === undefined || isTrue(pod, 'Initialized')) {
    tally.restarts = sidecars.restarts;
    tally.lastRestart = sidecars.lastRestart;
    status = containerStatus(pod, tally, status);
  }
  if (textAt(pod, 'metadata', 'deletionTimestamp') !== undefined) {
    if (textAt(pod, 'status', 'reason') === 'NodeLost') status = 'Unknown';
    else if (phase !== 'Succeeded' && phase !== 'Failed') status = 'Terminating';
  }
  const sidecarCount = objectsAt(pod, 'spec', 'initContainers').filter((container) => textAt(container, 'restartPolicy') === 'Always').length;
  return { ...tally, total: listAt(pod, 'spec', 'containers').length + sidecarCount, status };
};

const restarts = (pod: JsonObject, now: number): string => {
  const { restarts: times, lastRestart } = summaryOf(pod);
  return times > 0 && lastRestart !== undefined ? `${String(times)} (${since(lastRestart, now)} ago)` : String(times);
};

const gates = (pod: JsonObject): string => {
  const types = objectsAt(pod, 'spec', 'readinessGates').map((gate) => textAt(gate, 'conditionType') ?? '');
  return types.length === 0 ? '<none>' : `${String(types.filter((type) => isTrue(pod, type)).length)}/${String(types.length)}`;
};

export const podColumns: readonly Column[] = [
  nameColumn,
  column('Ready', (pod) => {
    const { ready, total } = summaryOf(pod);
    return `${String(ready)}/${String(total)}`;
  }),
  column('Status', (pod) => summaryOf(pod).status),
  column('Restarts', restarts),
  ageColumn,
  wide('IP', (pod) => orNone(textAt(objectsAt(pod, 'status', 'podIPs')[0], 'ip') ?? '')),
  wide('Node', (pod) => orNone(textAt(pod, 'spec', 'nodeName') ?? '')),
  wide('Nominated Node', (pod) => orNone(textAt(pod, 'status', 'nominatedNodeName') ?? '')),
  wide('Readiness Gates', gates),
];

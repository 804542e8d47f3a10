import {
  annotation,
  canTakeOver,
  failed,
  isTakenOver,
  millis,
  ok,
  printGatewayPorts,
  takenOverFor,
  takeOver,
  takeoverRefusals,
  takeoverWarnings,
  type GatewayPorts,
  type Result,
  type WorkloadKey,
} from '../core/index.ts';
import type { EndpointSliceView, ServiceView } from '../kube/index.ts';
import { addressTypes, familyOf } from './address-type.ts';
import { gatewayPortsOf } from './gateway-ports.ts';
import { isOurs } from './gateway-slice.ts';
import { serviceObject } from './paths.ts';
import { done, keyOf, nameOf, refused, serviceResource, soon, waiting, type Progress, type ReconcileEnv } from './reconcile-env.ts';
import { deleteForeignEndpoints, deleteSlices, presentAddresses, writeSlices } from './slice-writer.ts';

/** Step 1: every Service port has a gateway port, written on the Service itself, so that every replica of the controller opens the same ones. */
const allot = async (env: ReconcileEnv, service: ServiceView, signal: AbortSignal): Promise<Result<GatewayPorts, Progress>> => {
  const key = keyOf(service);
  const have = gatewayPortsOf(service);
  const ports = await env.ports.complete(key, service);
  if (ports === undefined) throw new Error('every gateway port is taken: at most 10,000 Service ports can be taken over in one cluster');
  const text = printGatewayPorts(ports);
  if (have.size > 0 && text === service.annotations[annotation.gatewayPorts]) return ok(ports);
  const patch = { metadata: { resourceVersion: service.resourceVersion, annotations: { [annotation.gatewayPorts]: text } } };
  const written = await env.client.mergePatch(serviceResource, nameOf(service), patch, signal);
  return failed(written.ok ? waiting('the allotted ports') : refused('cannot allot gateway ports', written.problem));
};

/** Steps 2 and 3: the gateways serve the ports, and our slices name those that do. `first`: nothing points at a gateway yet, so all may be waited for. */
const point = async (env: ReconcileEnv, service: ServiceView, workload: WorkloadKey, ports: GatewayPorts, signal: AbortSignal): Promise<Progress> => {
  const key = keyOf(service);
  const patience = `${key} acknowledgement ${printGatewayPorts(ports)}`;
  const revision = env.book.publishedAt(workload, ports.values());
  if (revision === undefined) return waiting('the routes');
  const ours = env.world.slicesOf(key).filter(isOurs);
  const choice = env.gateways.choose(revision, ports.values(), presentAddresses(ours));
  if (choice.complete) env.unacknowledged.delete(key);
  else env.unacknowledged.add(key);
  const open = new Set(ours.flatMap((slice) => slice.ports.map(({ port }) => port)));
  const first = [...ports.values()].some((port) => !open.has(port));
  if (first && !choice.any) {
    if (!env.patience.isOver(patience, env.limits.acknowledgement)) return waiting('the gateways', env.limits.acknowledgement);
    env.notify({ workload, type: 'Warning', reason: 'NoGateway', message: `Service ${service.name} waits for a gateway that serves its ports` });
    return waiting('a gateway', millis(5000));
  }
  if (first && !choice.complete && !env.patience.isOver(patience, env.limits.acknowledgement)) return waiting('the gateways', env.limits.acknowledgement);
  env.patience.end(patience);
  if (choice.addresses.size === 0) {
    const dropped = await deleteSlices(env, ours, signal);
    return dropped.ok ? waiting('a gateway', millis(5000)) : refused('cannot delete our EndpointSlice', dropped.problem);
  }
  const families = addressTypes.filter((type) => service.ipFamilies.length === 0 || service.ipFamilies.includes(type));
  const addresses = new Map([...choice.addresses].filter(([address]) => families.includes(familyOf(address))));
  const served = new Set<string>([...addresses.keys()].map(familyOf));
  if (!service.ipFamilies.every((family) => served.has(family))) {
    env.notify({ workload, type: 'Warning', reason: 'ServiceNotTakenOver', message: `Service ${service.name} ${takeoverRefusals['no-gateway-address']}` });
    return waiting('a gateway of its IP family', millis(5000));
  }
  const written = await writeSlices(env, service, ports, addresses, signal);
  if (!written.ok) return refused('cannot write our EndpointSlice', written.problem);
  const now = env.clock.monotonic();
  return done(choice.reviewAt === undefined ? undefined : millis(Math.max(0, choice.reviewAt - now)));
};

/** Step 4: the selector goes into the annotation. Read anew first: the copy that we watch has no managedFields and may be behind. */
const moveSelector = async (
  env: ReconcileEnv,
  service: ServiceView,
  workload: WorkloadKey,
  signal: AbortSignal,
): Promise<Result<'moved' | 'was', Progress>> => {
  const seen = serviceObject(service);
  if (isTakenOver(seen) && takenOverFor(seen) === workload) return ok('was');
  // Gateways that know no pods yet would hold what pods could have answered.
  if (!(await env.podsKnown(service.namespace, signal))) return failed(waiting('the pods of the namespace'));
  const fresh = await env.client.get(serviceResource, nameOf(service), signal);
  if (!fresh.ok) return failed(refused('cannot read the Service', fresh.problem));
  if (fresh.value.metadata?.uid !== service.uid || !canTakeOver(fresh.value.spec ?? {}).ok) return failed(waiting('the Service as it is now', soon));
  const patch = takeOver(fresh.value, workload);
  if (patch === undefined) return ok('was');
  const moved = await env.client.mergePatch(serviceResource, nameOf(service), patch, signal);
  return moved.ok ? ok('moved') : failed(refused('cannot move the selector', moved.problem));
};

/** Steps 1 to 5 of a takeover. Each is left out where it is done already, so any crash, any repeat and any foreign change ends in the same state. */
export const takeOverService = async (env: ReconcileEnv, service: ServiceView, workload: WorkloadKey, signal: AbortSignal): Promise<Progress> => {
  const ports = await allot(env, service, signal);
  if (!ports.ok) return ports.problem;
  const pointed = await point(env, service, workload, ports.value, signal);
  if (pointed.state === 'waiting') return pointed;
  const moved = await moveSelector(env, service, workload, signal);
  if (!moved.ok) return moved.problem;
  const foreign = env.world.slicesOf(keyOf(service)).some((slice) => !isOurs(slice));
  if (moved.value === 'moved' || foreign) {
    const purged = await deleteForeignEndpoints(env, service, signal);
    if (!purged.ok) return refused('cannot delete the former endpoints', purged.problem);
  }
  if (moved.value === 'moved') {
    const but = takeoverWarnings(service);
    const message = `Service ${service.name} points at the gateways${but.length === 0 ? '' : `; ${but.join('; ')}`}`;
    env.notify({ workload, type: but.length === 0 ? 'Normal' : 'Warning', reason: 'ServiceTakenOver', message });
  }
  return pointed;
};

/** Nobody may be left to answer soon: no pod is ready, the last one is about to go, or somebody has just set the count to zero (its pods go next). */
const needsStandIn = ({ world, holds }: ReconcileEnv, workload: WorkloadKey): boolean =>
  world.readyPodsOf(workload) === 0 || holds.has(workload) || world.workload(workload)?.view.specReplicas === 0;

/**
 * Some endpoint of the controllers' leads to a pod that is ready. Their slices are written a while after pods change, so one may still call ready what has gone;
 * endpoints that name no pod are believed.
 */
const servesDirectly = ({ world }: ReconcileEnv, service: ServiceView, slices: readonly EndpointSliceView[]): boolean => {
  const pods = new Set(world.readyPodsBehind(service).map(({ uid }) => uid));
  return slices.some((slice) => !isOurs(slice) && slice.endpoints.some(({ ready, podUid }) => ready && (podUid === undefined || pods.has(podUid))));
};

/**
 * Path `direct`: our slice is there, beside the controllers' own, only while it is needed. Nodes get the slices of all Services by one watch, so one
 * that has seen a pod of ours go has seen our slice before, where it was written before.
 */
export const standIn = async (env: ReconcileEnv, service: ServiceView, workload: WorkloadKey, signal: AbortSignal): Promise<Progress> => {
  const ports = await allot(env, service, signal);
  if (!ports.ok) return ports.problem;
  const slices = env.world.slicesOf(keyOf(service));
  if (needsStandIn(env, workload)) return point(env, service, workload, ports.value, signal);
  const ours = slices.filter(isOurs);
  if (ours.length === 0) return done();
  if (!servesDirectly(env, service, slices)) return waiting("a ready pod in the controllers' slice");
  const dropped = await deleteSlices(env, ours, signal);
  return dropped.ok ? done() : refused('cannot delete our EndpointSlice', dropped.problem);
};

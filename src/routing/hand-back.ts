import { annotation, handBack, isTakenOver, release, type WorkloadKey } from '../core/index.ts';
import type { EndpointSliceView, PodView, ServiceView } from '../kube/index.ts';
import { familyOf, type AddressType } from './address-type.ts';
import { isOurs } from './gateway-slice.ts';
import { serviceObject } from './paths.ts';
import { done, keyOf, nameOf, refused, serviceResource, soon, waiting, type Progress, type ReconcileEnv } from './reconcile-env.ts';
import { deleteSlices } from './slice-writer.ts';

const isMarked = (service: ServiceView): boolean => annotation.selector in service.annotations || annotation.gatewayPorts in service.annotations;

/** True while anything of ours is on the Service or points to the gateways for it. */
export const isHeld = (env: Pick<ReconcileEnv, 'world'>, service: ServiceView): boolean => isMarked(service) || env.world.slicesOf(keyOf(service)).some(isOurs);

/** Every Service that has anything of ours, seen from outside the loop (`rouse uninstall`, `rouse restore`). */
export const heldServices = (services: Iterable<ServiceView>, slices: Iterable<EndpointSliceView>): readonly ServiceView[] => {
  const pointed = new Set([...slices].filter(isOurs).map(({ namespace, serviceName }) => `${namespace}/${serviceName ?? ''}`));
  return [...services].filter((service) => isMarked(service) || pointed.has(keyOf(service)));
};

/** A workload that should have pods and has none ready gets a while to have one: with the selector back, nobody holds its requests any more. */
const hasSomewhereToGo = (env: ReconcileEnv, service: ServiceView, workload: WorkloadKey | undefined): boolean => {
  const view = workload === undefined ? undefined : env.world.workload(workload)?.view;
  if (workload === undefined || view === undefined || view.specReplicas === 0 || env.world.readyPodsOf(workload) > 0) return true;
  return env.patience.isOver(`${keyOf(service)} pods`, env.limits.handBack);
};

/** First the selector: the controllers have their slice there some 10 to 20 ms later. */
const restoreSelector = async (env: ReconcileEnv, service: ServiceView, workload: WorkloadKey | undefined, signal: AbortSignal): Promise<Progress> => {
  const fresh = await env.client.get(serviceResource, nameOf(service), signal);
  if (!fresh.ok) return refused('cannot read the Service', fresh.problem);
  const fallback = workload === undefined ? undefined : env.world.workload(workload)?.view.selector.matchLabels;
  const patch = handBack(fresh.value, fallback);
  if (patch === undefined) {
    if (isTakenOver(fresh.value))
      throw new Error(`cannot hand back: ${annotation.selector} cannot be read; put the Service's selector back by hand and remove that annotation`);
    return waiting('the selector', soon);
  }
  const written = await env.client.mergePatch(serviceResource, nameOf(service), patch, signal);
  return written.ok ? waiting("the controllers' slice") : refused('cannot put the selector back', written.problem);
};

/** True once the controllers' slices of every address type hold every ready pod. There is a slice even for no pod at all, so that its absence means that it is not made yet. */
const isServed = (env: ReconcileEnv, service: ServiceView): boolean => {
  const slices = env.world.slicesOf(keyOf(service)).filter((slice) => !isOurs(slice));
  const isHeldIn = (pod: PodView, type: AddressType): boolean =>
    slices.some(({ addressType, endpoints }) => addressType === type && endpoints.some(({ podUid, ready }) => podUid === pod.uid && ready));
  const complete = env.world
    .readyPodsBehind(service)
    .every((pod) => pod.podIPs.map(familyOf).every((type) => !service.ipFamilies.includes(type) || isHeldIn(pod, type)));
  return (slices.length > 0 && complete) || env.patience.isOver(`${keyOf(service)} served`, env.limits.handBack);
};

/** Last the annotations, and the selector's former owners get it back from us. The gateways keep the ports open for a while after this. */
const releaseService = async (env: ReconcileEnv, service: ServiceView, signal: AbortSignal): Promise<Progress | undefined> => {
  const fresh = await env.client.get(serviceResource, nameOf(service), signal);
  if (!fresh.ok) return refused('cannot read the Service', fresh.problem);
  const patch = release(fresh.value);
  if (patch === undefined) return isMarked(service) ? waiting('the Service as it is now', soon) : undefined;
  const written = await env.client.mergePatch(serviceResource, nameOf(service), patch, signal);
  return written.ok ? undefined : refused('cannot take our annotations off', written.problem);
};

/** The reverse of a takeover, in the order in which no request finds nobody: selector, controllers' slice, our slice, annotations, ports. */
export const handBackService = async (env: ReconcileEnv, service: ServiceView, workload: WorkloadKey | undefined, signal: AbortSignal): Promise<Progress> => {
  const key = keyOf(service);
  if (!isHeld(env, service)) return done();
  const object = serviceObject(service);
  if (isTakenOver(object) && !hasSomewhereToGo(env, service, workload)) return waiting('a ready pod');
  if (isTakenOver(object) || handBack(object) !== undefined) return restoreSelector(env, service, workload, signal);
  if (!isServed(env, service)) return waiting("the ready pods in the controllers' slice");
  const dropped = await deleteSlices(env, env.world.slicesOf(key).filter(isOurs), signal);
  if (!dropped.ok) return refused('cannot delete our EndpointSlice', dropped.problem);
  const stopped = await releaseService(env, service, signal);
  if (stopped !== undefined) return stopped;
  env.patience.end(`${key} pods`);
  env.patience.end(`${key} served`);
  if (workload !== undefined)
    env.notify({ workload, type: 'Normal', reason: 'ServiceHandedBack', message: `Service ${service.name} is as it was before Rouse` });
  return done();
};

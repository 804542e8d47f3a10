import { failed, ok, type GatewayInfo, type GatewayPorts, type Result } from '../core/index.ts';
import { resources, type EndpointSliceView, type Refusal, type ServiceView } from '../kube/index.ts';
import { isOurs, isWritten, sliceResource, wantedSlices, type EndpointSlice, type WantedSlice } from './gateway-slice.ts';
import { keyOf, type ReconcileEnv } from './reconcile-env.ts';

type Env = Pick<ReconcileEnv, 'client' | 'world'>;

/** Addresses that our slices of the Service have now, with the uids of their pods. */
export const presentAddresses = (slices: readonly EndpointSliceView[]): ReadonlyMap<string, string | undefined> =>
  new Map(
    slices.filter(isOurs).flatMap(({ endpoints }) => endpoints.flatMap(({ addresses, podUid }) => addresses.map((address) => [address, podUid] as const))),
  );

/** Endpoints of which only the address is known are taken over from the slice as it is. */
const complete = (wanted: WantedSlice, written: EndpointSlice): EndpointSlice => ({
  ...wanted.object,
  endpoints: [...wanted.object.endpoints, ...written.endpoints.filter(({ addresses }) => addresses.some((address) => wanted.unknown.includes(address)))],
});

const put = async ({ client }: Env, wanted: WantedSlice, exists: boolean, namespace: string, signal: AbortSignal): Promise<Result<void, Refusal>> => {
  const name = { namespace, name: wanted.name };
  if (!exists) {
    const created = await client.create(sliceResource, wanted.object, signal);
    if (created.ok) return ok(undefined);
    if (created.problem.kind !== 'already-exists') return created;
  }
  let { object } = wanted;
  if (wanted.unknown.length > 0) {
    const written = await client.get(sliceResource, name, signal);
    if (!written.ok) return written;
    object = complete(wanted, written.value);
  }
  const { endpoints, ports, metadata } = object;
  const patch = { metadata: { labels: metadata?.labels, ownerReferences: metadata?.ownerReferences }, endpoints, ports };
  const patched = await client.mergePatch(sliceResource, name, patch, signal);
  return patched.ok ? ok(undefined) : patched;
};

/**
 * Makes our slices of the Service name exactly `addresses`, where they do not yet. A slice of a former Service of the same name goes first: the
 * garbage collector is about to take it, and what is written into it would go too.
 */
export const writeSlices = async (
  env: Env,
  service: ServiceView,
  gatewayPorts: GatewayPorts,
  addresses: ReadonlyMap<string, GatewayInfo | undefined>,
  signal: AbortSignal,
): Promise<Result<void, Refusal>> => {
  const wanted = wantedSlices(service, gatewayPorts, addresses);
  const all = env.world.slicesOf(keyOf(service));
  const inherited = all.filter((slice) => isOurs(slice) && slice.owner !== undefined && slice.owner.uid !== service.uid);
  const cleared = await deleteSlices(env, inherited, signal);
  if (!cleared.ok) return cleared;
  const written = new Map(all.filter((slice) => !inherited.includes(slice)).map((slice) => [slice.name, slice]));
  for (const slice of wanted) {
    const view = written.get(slice.name);
    if (isWritten(slice, view)) continue;
    const result = await put(env, slice, view !== undefined, service.namespace, signal);
    if (!result.ok) return result;
  }
  const surplus = [...written.values()].filter((slice) => isOurs(slice) && !wanted.some(({ name }) => name === slice.name));
  return deleteSlices(env, surplus, signal);
};

/** Deletes slices, each only if it is still the one that we saw. */
export const deleteSlices = async ({ client }: Env, slices: readonly EndpointSliceView[], signal: AbortSignal): Promise<Result<void, Refusal>> => {
  for (const { namespace, name, uid } of slices) {
    const result = await client.delete(sliceResource, { namespace, name }, { uid }, signal);
    if (!result.ok && result.problem.kind !== 'not-found' && result.problem.kind !== 'conflict') return failed(result.problem);
  }
  return ok(undefined);
};

/**
 * Removes every endpoint of a taken-over Service that is not a gateway. The Endpoints object goes first: while it is there, the mirroring
 * controller makes a slice of it again and again (kubernetes/pkg/controller/endpointslicemirroring); without it, what is mirrored goes by itself.
 */
export const deleteForeignEndpoints = async (env: Env, service: ServiceView, signal: AbortSignal): Promise<Result<void, Refusal>> => {
  const endpoints = await env.client.delete(resources.endpoints, { namespace: service.namespace, name: service.name }, {}, signal);
  if (!endpoints.ok && endpoints.problem.kind !== 'not-found') return endpoints;
  return deleteSlices(
    env,
    env.world.slicesOf(keyOf(service)).filter((slice) => !isOurs(slice)),
    signal,
  );
};

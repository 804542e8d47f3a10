import { failed, ok, type Clock, type Result } from '../core/index.ts';
import type { Outcome } from './client.ts';
import type { KubeConnection } from './connection.ts';
import { unavailable, type Refusal } from './outcome.ts';
import { at, flag, items, text } from './reader.ts';
import type { Resource } from './resource.ts';
import { createTransport, type Transport } from './transport.ts';

/** A kind as the API server tells of it. */
export interface DiscoveredKind {
  readonly resource: Resource;
  /** Whether its objects have the sub-resource `/scale`. */
  readonly hasScale: boolean;
}

/** Asks the API server where the kind `widgets.example.com` (plural, dot, group) lives; undefined: nowhere. */
export type KindDiscovery = (name: string, signal?: AbortSignal) => Outcome<DiscoveredKind | undefined>;

/** Discovery needs no rights of its own: every authenticated user has them (ClusterRole `system:discovery`). */
export const createKindDiscovery = (options: { readonly connection: KubeConnection; readonly clock: Pick<Clock, 'after'> }): KindDiscovery => {
  const send = createTransport(options);
  return async (name, signal) => {
    const dot = name.indexOf('.');
    const [plural, group] = dot === -1 ? [name, ''] : [name.slice(0, dot), name.slice(dot + 1)];
    const versions = await versionsOf(send, group, signal);
    if (!versions.ok) return versions;
    for (const version of versions.value) {
      const found = await inVersion(send, { group, version, plural }, signal);
      if (!found.ok || found.value !== undefined) return found;
    }
    return ok(undefined);
  };
};

/** The group's versions, the one that the server prefers first; none if there is no such group. */
const versionsOf = async (send: Transport, group: string, signal: AbortSignal | undefined): Promise<Result<readonly string[], Refusal>> => {
  if (group === '') return ok(['v1']);
  const answer = await send({ method: 'GET', path: `/apis/${encodeURIComponent(group)}`, signal });
  if (!answer.ok) return answer.problem.kind === 'not-found' ? ok([]) : answer;
  const preferred = text(at(answer.value, 'preferredVersion', 'version'));
  const all = items(at(answer.value, 'versions')).flatMap((each) => text(at(each, 'version')) ?? []);
  return ok(preferred === undefined ? all : [preferred, ...all.filter((version) => version !== preferred)]);
};

const inVersion = async (
  send: Transport,
  { group, version, plural }: { readonly group: string; readonly version: string; readonly plural: string },
  signal: AbortSignal | undefined,
): Promise<Result<DiscoveredKind | undefined, Refusal>> => {
  const path = group === '' ? `/api/${version}` : `/apis/${encodeURIComponent(group)}/${encodeURIComponent(version)}`;
  const answer = await send({ method: 'GET', path, signal });
  if (!answer.ok) return answer.problem.kind === 'not-found' ? ok(undefined) : answer;
  const served = items(at(answer.value, 'resources'));
  const found = served.find((each) => text(at(each, 'name')) === plural);
  if (found === undefined) return ok(undefined);
  const kind = text(at(found, 'kind'));
  if (kind === undefined) return failed(unavailable(`GET ${path}: ${plural} has no kind`));
  const hasScale = served.some((each) => text(at(each, 'name')) === `${plural}/scale`);
  return ok({ resource: { group, version, plural, kind, namespaced: flag(at(found, 'namespaced')) }, hasScale });
};

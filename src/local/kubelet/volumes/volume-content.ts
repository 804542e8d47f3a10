import type { DownwardAPIVolumeFile, KeyToPath, Pod, Volume, VolumeProjection } from 'kubernetes-types/core/v1.d.ts';
import { after, millis, type Clock } from '../../../core/index.ts';
import { KubeletError } from '../errors.ts';
import type { PodRef } from '../kubelet-api.ts';
import type { BoundToken, VolumeSources } from './volume-sources.ts';

export interface VolumeFile {
  readonly bytes: Buffer;
  readonly mode: number;
  /** Readable to the user that the pod runs as, and to nobody else. */
  readonly isToken: boolean;
}

/** Path inside the volume → file. */
export type VolumeContent = ReadonlyMap<string, VolumeFile>;

export interface ContentInput {
  readonly pod: Pod;
  readonly ref: PodRef;
  readonly sources: VolumeSources;
  readonly clock: Clock;
  /** Tokens of this pod that are good for now, by audience and path. */
  readonly tokens: Map<string, { readonly value: BoundToken; readonly renewAt: number }>;
}

const defaultMode = 0o644;
const defaultTokenSeconds = 3600;

/** Undefined for a volume that is no set of files from the API. Rejects with what is missing, as a kubelet words it. */
export const volumeContent = async (volume: Volume, input: ContentInput): Promise<VolumeContent | undefined> => {
  const { configMap, secret, projected, downwardAPI } = volume;
  if (configMap !== undefined) return new Map(await keyed('configmap', { ...configMap, name: configMap.name ?? '' }, configMap.defaultMode, input));
  if (secret !== undefined) return new Map(await keyed('secret', { ...secret, name: secret.secretName ?? '' }, secret.defaultMode, input));
  if (downwardAPI !== undefined) return new Map(downward(downwardAPI.items ?? [], downwardAPI.defaultMode ?? defaultMode, input.pod));
  if (projected === undefined) return undefined;
  const parts = await Promise.all((projected.sources ?? []).map((source) => projection(source, projected.defaultMode, input)));
  return new Map(parts.flat());
};

type Entries = readonly (readonly [path: string, file: VolumeFile])[];

const projection = async (source: VolumeProjection, mode: number | undefined, input: ContentInput): Promise<Entries> => {
  const { configMap, secret, downwardAPI, serviceAccountToken } = source;
  if (configMap !== undefined) return keyed('configmap', { ...configMap, name: configMap.name ?? '' }, mode, input);
  if (secret !== undefined) return keyed('secret', { ...secret, name: secret.name ?? '' }, mode, input);
  if (downwardAPI !== undefined) return downward(downwardAPI.items ?? [], mode ?? defaultMode, input.pod);
  if (serviceAccountToken === undefined) throw new KubeletError('no-volume', 'a projected volume names a source that this kubelet does not know', {});
  const { path, audience, expirationSeconds = defaultTokenSeconds } = serviceAccountToken;
  const { token } = await currentToken(input, path, audience, expirationSeconds);
  return [[path, { bytes: Buffer.from(token), mode: mode ?? defaultMode, isToken: true }]];
};

/** Renewed when 80 % of its time are over, as kubelets do (pkg/kubelet/token/token_manager.go). */
const currentToken = async (
  { pod, ref, sources, clock, tokens }: ContentInput,
  path: string,
  audience: string | undefined,
  seconds: number,
): Promise<BoundToken> => {
  const known = tokens.get(`${audience ?? ''} ${path}`);
  if (known !== undefined && clock.now() < known.renewAt) return known.value;
  const value = await sources.requestToken(ref, pod.spec?.serviceAccountName ?? 'default', audience, seconds);
  const now = clock.now();
  tokens.set(`${audience ?? ''} ${path}`, { value, renewAt: after(now, millis((value.expiresAt - now) * 0.8)) });
  return value;
};

interface Keyed {
  readonly name: string;
  readonly items?: readonly KeyToPath[];
  readonly optional?: boolean;
}

const keyed = async (
  kind: 'configmap' | 'secret',
  { name, items, optional = false }: Keyed,
  mode: number | undefined,
  input: ContentInput,
): Promise<Entries> => {
  const { namespace } = input.ref;
  const data = await (kind === 'secret' ? input.sources.secretFiles(namespace, name) : input.sources.configMapFiles(namespace, name));
  if (data === undefined) {
    if (optional) return [];
    throw new KubeletError('no-volume', `${kind} "${name}" not found`, { retryable: true });
  }
  const wanted = items ?? Object.keys(data).map((key): KeyToPath => ({ key, path: key }));
  return wanted.flatMap(({ key, path, mode: own }) => {
    const bytes = data[key];
    if (bytes !== undefined) return [[path, { bytes, mode: own ?? mode ?? defaultMode, isToken: false }] as const];
    if (optional) return [];
    throw new KubeletError('no-volume', `${kind} references non-existent config key: ${key}`, { retryable: true });
  });
};

const downward = (items: readonly DownwardAPIVolumeFile[], mode: number, { metadata }: Pod): Entries =>
  items.map(({ path, fieldRef, mode: own }) => {
    const bytes = Buffer.from(fieldText(metadata ?? {}, fieldRef?.fieldPath ?? ''));
    return [path, { bytes, mode: own ?? mode, isToken: false }];
  });

/** Maps are `key="value"` a line, sorted (pkg/fieldpath). */
const fieldText = (metadata: NonNullable<Pod['metadata']>, path: string): string => {
  const { annotations, labels, name, namespace, uid } = metadata;
  const single: Readonly<Record<string, string | undefined>> = { 'metadata.name': name, 'metadata.namespace': namespace, 'metadata.uid': uid };
  if (path !== 'metadata.labels' && path !== 'metadata.annotations') return single[path] ?? '';
  return Object.entries((path === 'metadata.labels' ? labels : annotations) ?? {})
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([key, value]) => `${key}=${JSON.stringify(value)}\n`)
    .join('');
};

/**
 * Kubernetes on a laptop: an embedded API (`embedded/`), the controllers that make it live, and a kubelet that runs pods as child processes
 * (`kubelet/`). It knows nothing of Rouse; `cli` wires it. Start with `embedded/in-process-api.ts`.
 */
export { ApiError } from './embedded/api-error.ts';
export { startControllers } from './embedded/controllers/start.ts';
export type { InProcessApi, StoredObject, StoreEvent } from './embedded/in-process-api.ts';
export type { PodLog, PodLogRequest, PodLogSource } from './embedded/pod-log-source.ts';
export type { MeasuredUsage, PodUsageSource } from './embedded/pod-usage-source.ts';
export { startEmbeddedApi, type EmbeddedApi, type EmbeddedApiOptions } from './embedded/start.ts';
export { startClusterKubelet, type ClusterKubeletOptions } from './kubelet/cluster-kubelet.ts';
export { startEmbeddedKubelet, type EmbeddedKubeletOptions } from './kubelet/embedded-kubelet.ts';
export type { KubeletApi, PodChange, PodEvent, PodRef } from './kubelet/kubelet-api.ts';
export { type Kubelet, type KubeletOptions } from './kubelet/kubelet.ts';
export type { Image, ImageMap } from './kubelet/images.ts';
export { findKind } from './embedded/registry.ts';

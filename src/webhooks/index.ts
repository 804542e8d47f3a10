/**
 * The admission webhooks: what a user's write of a workload, of one of its Services or of an autoscaler becomes, and whether it may pass.
 * They never write to the cluster and are never needed for it to go on: whatever got past them, the controller repairs.
 * Start with `admission/admit.ts` (which rule for which object), then `admission/mutate-workload.ts`; `configurations.ts` says what the API server sends us.
 */
export { createWebhookApp } from './app.ts';
export { autoscalerLookup } from './autoscalers.ts';
export { createExtender, type Extender } from './extender/app.ts';
export type { ExtenderPorts, Placement, Placer, PodToPlace, SentNode } from './extender/ports.ts';
export { placementLabel, placementModes, type WebhookAddress } from './configurations.ts';
export type { AdmissionPorts, AdmittedKind, Autoscaler, InheritedSettings, OnboardedWorkload, PodPlacement } from './ports.ts';
export { registerWebhooks, unregisterWebhooks } from './register.ts';

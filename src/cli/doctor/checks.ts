import { caPublished, caValid } from './certificate-checks.ts';
import type { Check } from './check.ts';
import { allowKinds, config, handBack } from './config-checks.ts';
import { clock, controllerAnswers, gatewayLink, leader, placement } from './controller-checks.ts';
import { controllerPods, gatewayPods, kubernetesVersion, namespaceThere, versions } from './install-checks.ts';
import { controllerRights, yourRights } from './rights-checks.ts';
import { webhooksAnswer, webhooksCa, webhooksRegistered, webhooksTarget } from './webhook-checks.ts';
import { autoscalers, podUsage, services, settings, wakes } from './workload-checks.ts';

/** In the order in which they are told: what a later one needs comes first. */
export const checks: readonly Check[] = [
  kubernetesVersion,
  namespaceThere,
  controllerPods,
  gatewayPods,
  config,
  handBack,
  allowKinds,
  controllerRights,
  yourRights,
  leader,
  controllerAnswers,
  versions,
  webhooksRegistered,
  webhooksTarget,
  webhooksCa,
  webhooksAnswer,
  caPublished,
  caValid,
  gatewayLink,
  clock,
  placement,
  settings,
  services,
  autoscalers,
  podUsage,
  wakes,
];

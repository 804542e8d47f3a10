import { isTakenOver, takeoverRefusals, type Millis, type WorkloadKey } from '../core/index.ts';
import type { ServiceView } from '../kube/index.ts';
import { handBackService, isHeld } from './hand-back.ts';
import { serviceObject } from './paths.ts';
import { done, keyOf, type Progress, type ReconcileEnv } from './reconcile-env.ts';
import { standIn, takeOverService } from './takeover.ts';

/** What a Service should become. `leave`: nothing is known that would justify a change. */
export type Goal =
  | { readonly kind: 'gateway' | 'direct'; readonly workload: WorkloadKey }
  | { readonly kind: 'released'; readonly workload: WorkloadKey | undefined }
  | { readonly kind: 'leave' };

/** `returning`: workloads whose Services are to be handed back. */
export const goalOf = (env: Pick<ReconcileEnv, 'world'>, service: ServiceView, returning: ReadonlySet<WorkloadKey>): Goal => {
  const key = keyOf(service);
  const claim = env.world.claim(key);
  if (claim.kind !== 'owned') return isHeld(env, service) ? { kind: 'released', workload: env.world.holderOf(key) } : { kind: 'leave' };
  const { workload } = claim;
  if (returning.has(workload)) return { kind: 'released', workload };
  const isOn = env.world.workload(workload)?.phase === 'onboarded';
  // Switched off, but nobody has said yet that it may go: what is taken over stays so, nothing new is.
  if (!isOn && !isTakenOver(serviceObject(service))) return { kind: 'leave' };
  const path = env.world.pathOf(workload);
  return path === 'none' ? { kind: 'released', workload } : { kind: path, workload };
};

const pursue = (env: ReconcileEnv, service: ServiceView, goal: Goal, signal: AbortSignal): Promise<Progress> => {
  switch (goal.kind) {
    case 'gateway':
      return takeOverService(env, service, goal.workload, signal);
    case 'direct':
      return isTakenOver(serviceObject(service)) ? handBackService(env, service, goal.workload, signal) : standIn(env, service, goal.workload, signal);
    case 'released':
      return handBackService(env, service, goal.workload, signal);
    case 'leave':
      return Promise.resolve(done());
  }
};

/** Looks at one Service and takes the next steps towards its goal; returns when to look again without an event. */
export const reconcileService = async (
  env: ReconcileEnv,
  key: string,
  returning: ReadonlySet<WorkloadKey>,
  signal: AbortSignal,
): Promise<Millis | undefined> => {
  const service = env.world.service(key);
  if (service === undefined) {
    env.ports.forget(key);
    return undefined;
  }
  const claim = env.world.claim(key);
  if (claim.kind === 'refused')
    for (const workload of claim.workloads)
      env.notify({ workload, type: 'Warning', reason: 'ServiceNotTakenOver', message: `Service ${service.name} ${takeoverRefusals[claim.refusal]}` });
  const goal = goalOf(env, service, returning);
  const progress = await pursue(env, service, goal, signal);
  if (progress.state === 'waiting') env.logger.debug('waiting', { service: key, goal: goal.kind, for: progress.what });
  return progress.again;
};

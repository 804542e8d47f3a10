import { millis, systemNamespace, type WorkloadRef } from '../../core/index.ts';
import { parseSpec, type ParsedSpec } from '../../core/spec/index.ts';
import type { Result, SpecProblem } from '../../core/index.ts';
import { builtInKinds, nameOfKind, type AdmissionPorts, type Autoscaler } from '../ports.ts';
import { allow, type Verdict } from './answer.ts';
import { mutatePod } from './mutate-pod.ts';
import { mutateService } from './mutate-service.ts';
import { mutateWorkload } from './mutate-workload.ts';
import type { AdmissionRequest, Json } from './review.ts';
import { validateAutoscaler } from './validate-autoscaler.ts';
import { saysSomething, validateWorkload } from './validate-workload.ts';
import { isOn, readWorkload, type WorkloadObject } from './workload-object.ts';

const defaultExempt: ReadonlySet<string> = new Set(['kube-system', systemNamespace]);
/** Half of the time that the API server gives us. */
const lookupLimit = millis(1000);

const isExempt = (ports: AdmissionPorts, request: AdmissionRequest): boolean =>
  (ports.exempt ?? defaultExempt).has(request.namespace) || request.subresource !== '' || request.namespace === '';

const isWorkload = (ports: AdmissionPorts, { group, resource }: AdmissionRequest): boolean =>
  (ports.kinds?.() ?? builtInKinds).some((kind) => kind.group === group && kind.plural === resource);

/** Only of the kinds that everybody has is it known that they have one pod where their count is not said. */
const read = (request: AdmissionRequest, object: Json): WorkloadObject => readWorkload(object, request.group === 'apps' ? 1 : undefined);

const refOf = ({ group, resource, namespace, name }: AdmissionRequest): WorkloadRef => ({ resource: nameOfKind({ group, plural: resource }), namespace, name });

const specOf = (ports: AdmissionPorts, namespace: string, object: WorkloadObject): Result<ParsedSpec, readonly SpecProblem[]> => {
  const { cluster, namespace: inherited, ...options } = ports.inherited(namespace);
  return parseSpec({ cluster, namespace: inherited, podTemplate: object.podAnnotations, workload: object.annotations }, options);
};

/** `enforce` where the settings cannot be read: then the write is refused anyway, or they are as they were. */
const modeOf = (ports: AdmissionPorts, namespace: string, object: WorkloadObject | undefined): 'enforce' | 'observe' => {
  const parsed = object === undefined || !isOn(object) ? undefined : specOf(ports, namespace, object);
  return parsed?.ok === true ? parsed.value.spec.mode : 'enforce';
};

export const mutate = (ports: AdmissionPorts, request: AdmissionRequest): Verdict => {
  if (isExempt(ports, request)) return allow;
  const bySelf = ports.isSelf(request);
  if (request.group === '' && request.resource === 'services') return mutateService(request.object, request.oldObject, bySelf);
  if (request.group === '' && request.resource === 'pods') return mutatePod(request, ports.placement, ports.clock);
  if (!isWorkload(ports, request)) return allow;
  const object = read(request, request.object);
  const before = request.oldObject === undefined ? undefined : read(request, request.oldObject);
  return mutateWorkload({
    object,
    before,
    bySelf,
    fieldManager: request.fieldManager,
    mode: modeOf(ports, request.namespace, object),
    modeBefore: modeOf(ports, request.namespace, before),
    leaving: ports.handsBackAll?.() ?? false,
  });
};

const findAutoscaler = async (ports: AdmissionPorts, workload: WorkloadRef): Promise<Autoscaler | 'none' | 'unknown'> => {
  const limit = new AbortController();
  const timer = ports.clock.after(lookupLimit, () => limit.abort());
  try {
    return (await ports.autoscalerOf(workload, limit.signal)) ?? 'none';
  } catch (error) {
    ports.logger.warn('could not look for an autoscaler', { workload, error });
    return 'unknown';
  } finally {
    timer.cancel();
  }
};

export const validate = async (ports: AdmissionPorts, request: AdmissionRequest): Promise<Verdict> => {
  if (isExempt(ports, request) || ports.isSelf(request)) return allow;
  if (request.group === 'autoscaling' && request.resource === 'horizontalpodautoscalers')
    return validateAutoscaler(request.object, request.oldObject, request.namespace, ports.onboarded, ports.kinds?.());
  if (!isWorkload(ports, request)) return allow;
  const object = read(request, request.object);
  const before = request.oldObject === undefined ? undefined : read(request, request.oldObject);
  const asks = isOn(object) && saysSomething(object, before);
  const autoscaler = asks && request.name !== '' ? await findAutoscaler(ports, refOf(request)) : 'none';
  const parsed = specOf(ports, request.namespace, object);
  const services = [...ports.servicesIn(request.namespace)];
  return validateWorkload({ object, before, parsed, services, autoscaler, leaving: ports.handsBackAll?.() ?? false });
};

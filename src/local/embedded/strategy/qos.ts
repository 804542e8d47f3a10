import { listAt, objectAt, type JsonObject } from '../json.ts';

const computed = ['cpu', 'memory'];

/** `Guaranteed`, `Burstable` or `BestEffort`, from the requests and limits of the containers (kubelet `pkg/apis/core/v1/helper/qos`). */
export const qosClass = (pod: JsonObject): string => {
  const containers = [...listAt(pod, 'spec', 'containers'), ...listAt(pod, 'spec', 'initContainers')];
  const figures = containers.map((container) => {
    const limits = objectAt(container, 'resources', 'limits') ?? {};
    return { limits, requests: { ...limits, ...objectAt(container, 'resources', 'requests') } };
  });
  const some = figures.some(({ limits, requests }) => computed.some((name) => limits[name] !== undefined || requests[name] !== undefined));
  if (!some) return 'BestEffort';
  const all = figures.every(({ limits, requests }) => computed.every((name) => limits[name] !== undefined && limits[name] === requests[name]));
  return all ? 'Guaranteed' : 'Burstable';
};

import { printDuration, type MetricTarget, type ScaleSpec } from '../../core/index.ts';

const targetText = ({ metric, target }: MetricTarget, utilization: number): string => {
  switch (metric) {
    case 'latency':
      return `latency ${target}ms`;
    case 'cpu':
      return `cpu ${target}%`;
    case 'memory':
      return `memory ${Math.round(target / 1024 / 1024)}Mi`;
    case 'concurrency':
    case 'rps':
    case 'held':
      return `${metric} ${target} at ${Math.round(utilization * 100)}%`;
  }
};

/** What is in force once all defaults are filled in, in one line: the annotations themselves stay as their owner wrote them, so that GitOps sees no drift. */
export const effectiveLine = ({ mode, path, policy, scaling, traffic }: ScaleSpec): string => {
  const max = scaling.max === 'unlimited' ? 'no limit' : String(scaling.max);
  const metrics = scaling.metrics.map((each) => targetText(each, scaling.targetUtilization)).join(', ');
  const hold = traffic.holdTimeout === 'never-hold' ? 'no hold' : `holds ${traffic.holdQueueDepth} requests for ${printDuration(traffic.holdTimeout)}`;
  return [
    mode === 'observe' ? 'on, observing only' : 'on',
    `pods ${scaling.min} to ${max}`,
    `per pod ${metrics}`,
    `window ${printDuration(scaling.stableWindow)}`,
    `path ${path}`,
    hold,
    `policy ${policy}`,
  ].join('; ');
};

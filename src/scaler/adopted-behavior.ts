import { knativePrefix, prefix, type SpecWarning } from '../core/index.ts';
import type { Texts } from '../core/spec/index.ts';
import { at, wordOf } from './hpa-fields.ts';

/** What the `behavior` of an adopted HorizontalPodAutoscaler says, in the words of annotations, and what of it Rouse has no words for. */
export interface AdoptedBehavior {
  readonly texts: Texts;
  readonly leftOut: readonly string[];
}

const directions = ['scaleUp', 'scaleDown'] as const;

const policiesOf = (rules: unknown): readonly string[] => {
  const policies = at(rules, 'policies');
  return Array.isArray(policies)
    ? (policies as readonly unknown[]).map((each) => `${wordOf(at(each, 'type'))} ${wordOf(at(each, 'value'))} per ${wordOf(at(each, 'periodSeconds'))}s`)
    : [];
};

/** What the API server fills in where only the other direction is written (kubernetes `pkg/apis/autoscaling/v2/defaults.go`): nobody's words. */
const defaults: Readonly<Record<(typeof directions)[number], string>> = {
  scaleUp: 'Pods 4 per 15s, Percent 100 per 15s',
  scaleDown: 'Percent 100 per 15s',
};

/** A wait before a fall is `scale-down-delay` exactly: the highest count of that time applies in both. One before a rise, and limits by time, have no setting. */
export const adoptedBehavior = (hpa: unknown): AdoptedBehavior => {
  const behavior = at(hpa, 'spec', 'behavior');
  const leftOut = directions.flatMap((direction) => {
    const rules = at(behavior, direction);
    const policies = policiesOf(rules).join(', ');
    const [select, wait, tolerance] = [at(rules, 'selectPolicy'), at(rules, 'stabilizationWindowSeconds'), at(rules, 'tolerance')];
    return [
      ...(direction === 'scaleUp' && typeof wait === 'number' && wait > 0 ? [`${direction} stabilizationWindowSeconds ${String(wait)}`] : []),
      ...(policies === '' || policies === defaults[direction] ? [] : [`${direction} policies (${policies})`]),
      ...(select === undefined || select === 'Max' ? [] : [`${direction} selectPolicy ${wordOf(select)}`]),
      ...(tolerance === undefined ? [] : [`${direction} tolerance ${wordOf(tolerance)}`]),
    ];
  });
  const wait = at(behavior, 'scaleDown', 'stabilizationWindowSeconds');
  return { texts: typeof wait === 'number' ? { [`${knativePrefix}scale-down-delay`]: `${String(wait)}s` } : {}, leftOut };
};

/** One sentence about what is not taken over. */
export const behaviorLeftOutSentence = (leftOut: readonly string[]): string =>
  `of the behavior of the HorizontalPodAutoscaler these are not taken over: ${leftOut.join(', ')}; scaleDown stabilizationWindowSeconds is (scale-down-delay), and max-scale-up-rate, max-scale-down-rate and pause limit what Rouse does.`;

export const behaviorLeftOutWarnings = (leftOut: readonly string[]): readonly SpecWarning[] =>
  leftOut.length === 0 ? [] : [{ key: `${prefix}adopt-hpa`, source: 'workload', message: `${prefix}adopt-hpa: ${behaviorLeftOutSentence(leftOut)}` }];

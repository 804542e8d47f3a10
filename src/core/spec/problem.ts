/** Where a setting was written, lowest precedence first. `pod-template` and Knative's names on the workload exist for manifests made for Knative. */
export const specSources = ['cluster', 'namespace', 'pod-template', 'workload'] as const;
export type SpecSource = (typeof specSources)[number];

/** One thing that is wrong with what a user wrote, with all that is needed to mend it. */
export interface SpecProblem {
  /** The key as written, e.g. `rouse.dev/min-scale` (in `rouse-config`: `min-scale`). */
  readonly key: string;
  readonly value: string;
  readonly source: SpecSource;
  /** What may be written instead, in words. */
  readonly legal: string;
  /** A value that would be accepted. */
  readonly example: string;
  /** All of the above as one sentence. */
  readonly message: string;
}

/** Something that is legal and will not do what its writer may expect. */
export interface SpecWarning {
  readonly key: string;
  readonly source: SpecSource;
  readonly message: string;
}

const place: Readonly<Record<SpecSource, string>> = {
  cluster: ' in ConfigMap rouse-config',
  namespace: ' on the Namespace',
  'pod-template': ' on the pod template',
  workload: '',
};
const longestShown = 80;

/** `value` quoted, on one line, and cut where it is long: messages end up in terminals, Events and logs. */
export const shown = (value: string): string => JSON.stringify(value.length > longestShown ? `${value.slice(0, longestShown)}…` : value);

export interface Written {
  readonly key: string;
  readonly value: string;
  readonly source: SpecSource;
}

/** `because` says what is wrong in particular where "not legal" would not be enough. */
export const problemOf = ({ key, value, source }: Written, legal: string, example: string, because = 'is not legal'): SpecProblem => ({
  key,
  value,
  source,
  legal,
  example,
  message: `${key}${place[source]}: ${shown(value)} ${because}; it takes ${legal}, for example ${shown(example)}.`,
});

/** A problem whose sentence is not about the value alone. */
export const problemSaying = ({ key, value, source }: Written, legal: string, example: string, sentence: string): SpecProblem => ({
  key,
  value,
  source,
  legal,
  example,
  message: `${key}${place[source]}: ${sentence}`,
});

export const warningOf = ({ key, source }: Written, sentence: string): SpecWarning => ({ key, source, message: `${key}${place[source]}: ${sentence}` });

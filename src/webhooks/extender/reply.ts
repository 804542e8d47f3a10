import type { Json } from '../admission/review.ts';
import type { ExtenderCall } from './call.ts';
import { neutral } from './place.ts';

/** `HostPriorityList`: from 0 to 10 (`MaxExtenderPriority`). */
export const priorities = ({ names }: ExtenderCall, scores: readonly number[] | undefined): readonly Json[] =>
  names.map((Host, index) => ({ Host, Score: scores?.[index] ?? neutral }));

const otherPool = "not a node of the pool that Rouse's settings of the workload want for this pod";

/**
 * `ExtenderFilterResult`. Nodes come back in the form in which they came: a scheduler takes names that it did not send, and the lack of the list that it
 * waits for, for an error or for "no node". Evicting pods does not make a node one of the pool: nodes that are left out are not to be preempted on.
 */
export const filtered = ({ names, list }: ExtenderCall, fits: readonly boolean[] | undefined): Json => {
  const stays = (_: unknown, index: number): boolean => fits === undefined || fits[index] === true;
  const gone = fits === undefined ? [] : names.filter((_, index) => fits[index] !== true);
  return {
    ...(list === undefined ? { NodeNames: names.filter(stays) } : { Nodes: { ...list, items: list.items.filter(stays) } }),
    FailedNodes: {},
    FailedAndUnresolvableNodes: Object.fromEntries(gone.map((name) => [name, otherPool])),
    Error: '',
  };
};

/** The scheduler shows it in the pod's event, or goes on without us (`ignorable: true`). Older ones take it for a format (`fmt.Errorf`), so that it must not have a percent sign. */
export const filterError = (problem: string): Json => ({ Error: `Rouse: ${problem.replaceAll('%', ' percent')}` });

import type { Json } from '../admission/review.ts';
import type { ExtenderCall } from './call.ts';
import { neutral } from './place.ts';

/** `HostPriorityList`: from 0 to 10 (`MaxExtenderPriority`). */
export const priorities = ({ names }: ExtenderCall, scores: readonly number[] | undefined): readonly Json[] =>
  names.map((Host, index) => ({ Host, Score: scores?.[index] ?? neutral }));

/**
 * `ExtenderFilterResult`. Nodes come back in the form in which they came: a scheduler takes names that it did not send, and the lack of the list that it
 * waits for, for an error or for "no node". Which nodes went is not told again: schedulers only look at that where no node is left.
 */
export const filtered = ({ names, list }: ExtenderCall, fits: readonly boolean[] | undefined): Json => {
  const stays = (_: unknown, index: number): boolean => fits === undefined || fits[index] === true;
  return {
    ...(list === undefined ? { NodeNames: names.filter(stays) } : { Nodes: { ...list, items: list.items.filter(stays) } }),
    FailedNodes: {},
    FailedAndUnresolvableNodes: {},
    Error: '',
  };
};

/** The scheduler shows it in the pod's event, or goes on without us (`ignorable: true`). Older ones take it for a format (`fmt.Errorf`), so that it must not have a percent sign. */
export const filterError = (problem: string): Json => ({ Error: `Rouse: ${problem.replaceAll('%', ' percent')}` });

import type { Json } from '../admission/review.ts';
import type { ExtenderCall } from './call.ts';

/** An answer in JSON, or one that is written from the bytes of its call: into memory of `mostBytes`, of which `write` takes as many as it returns. */
export type Reply = string | { readonly mostBytes: number; write(out: Buffer): number };

/**
 * `HostPriorityList`: from 0 to 10 (`MaxExtenderPriority`). Where all nodes are worth the same (`scores` is undefined) it has none of them: a scheduler adds
 * nothing then to what it thinks of each itself (`prioritizeNodes`, pkg/scheduler/schedule_one.go), and neither of us writes and reads 0.3 MB to say so.
 */
export const priorities = (call: ExtenderCall, scores: readonly number[] | undefined): Reply => {
  const { text } = call;
  if (scores === undefined) return '[]';
  if (text !== undefined) return { mostBytes: text.mostBytes, write: (out) => text.writePriorities(out, scores) };
  return JSON.stringify(call.names.map((Host, index) => ({ Host, Score: scores[index] })));
};

/**
 * `ExtenderFilterResult`. Nodes come back in the form in which they came: a scheduler takes names that it did not send, and the lack of the list that it
 * waits for, for an error or for "no node". Which nodes went is not told again: schedulers only look at that where no node is left.
 */
export const filtered = (call: ExtenderCall, fits: readonly boolean[] | undefined): Reply => {
  const { list, text } = call;
  if (text !== undefined) return { mostBytes: text.mostBytes, write: (out) => text.writeLeft(out, fits) };
  const stays = (_: unknown, index: number): boolean => fits === undefined || fits[index] === true;
  const left = list === undefined ? { NodeNames: call.names.filter(stays) } : { Nodes: { ...list, items: list.items.filter(stays) } };
  return JSON.stringify({ ...left, FailedNodes: {}, FailedAndUnresolvableNodes: {}, Error: '' });
};

/** The scheduler shows it in the pod's event, or goes on without us (`ignorable: true`). Older ones take it for a format (`fmt.Errorf`), so that it must not have a percent sign. */
export const filterError = (problem: string): Json => ({ Error: `Rouse: ${problem.replaceAll('%', ' percent')}` });

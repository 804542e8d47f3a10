import { annotation } from '../annotations.ts';
import { failed, ok, type Result } from '../result.ts';
import { problemOf, type SpecProblem } from './problem.ts';

/** Whether the switch is on. Absent is off; anything but the two words is a problem, never a guess. */
export const isEnabled = (annotations: Readonly<Record<string, string>>): Result<boolean, SpecProblem> => {
  const value = annotations[annotation.enabled];
  if (value === undefined) return ok(false);
  const word = value.trim();
  if (word === 'true' || word === 'false') return ok(word === 'true');
  return failed(problemOf({ key: annotation.enabled, value, source: 'workload' }, 'true or false', 'true'));
};

import { Environment } from '@marcbachmann/cel-js';
import { messageOf } from '../../../core/index.ts';
import { isObject } from '../json.ts';

/** What a match condition can see (admissionregistration/v1): the object as it is now, as it was, and the request. */
export interface ConditionInput {
  readonly object: unknown;
  readonly oldObject: unknown;
  readonly request: unknown;
}

type Program = (input: ConditionInput) => boolean;

const environment = new Environment({ homogeneousAggregateLiterals: false, enableOptionalTypes: true })
  .registerVariable('object', 'dyn')
  .registerVariable('oldObject', 'dyn')
  .registerVariable('request', 'dyn');

/** CEL knows integers and doubles apart; JSON numbers without a fraction are integers. */
const celValue = (value: unknown): unknown => {
  if (typeof value === 'number') return Number.isInteger(value) ? BigInt(value) : value;
  if (Array.isArray(value)) return value.map(celValue);
  if (isObject(value)) return Object.fromEntries(Object.entries(value).map(([field, inner]) => [field, celValue(inner)]));
  return value ?? null;
};

const mostPrograms = 1000;
const programs = new Map<string, Program>();

const compile = (expression: string): Program => {
  const parsed = environment.parse(expression);
  const checked = parsed.check();
  if (!checked.valid) throw new SyntaxError(checked.error === undefined ? 'type check failed' : messageOf(checked.error));
  return (input) => {
    const result: unknown = parsed({ object: celValue(input.object), oldObject: celValue(input.oldObject), request: celValue(input.request) });
    if (typeof result !== 'boolean') throw new TypeError(`must evaluate to bool, not ${typeof result}`);
    return result;
  };
};

const programOf = (expression: string): Program => {
  const known = programs.get(expression);
  if (known !== undefined) return known;
  if (programs.size >= mostPrograms) programs.clear();
  const program = compile(expression);
  programs.set(expression, program);
  return program;
};

/** Why an expression is not legal, or undefined. */
export const conditionProblem = (expression: string): string | undefined => {
  try {
    programOf(expression);
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
};

/** Throws if the expression cannot be evaluated for this input. */
export const evaluateCondition = (expression: string, input: ConditionInput): boolean => programOf(expression)(input);

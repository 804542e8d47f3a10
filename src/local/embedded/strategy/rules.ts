import { isObject, type JsonObject } from '../json.ts';

/** Gives a field its value: `current` is what the user wrote (or undefined), `parent` the object that holds the field. */
export type Rule = (current: unknown, parent: JsonObject) => unknown;

export interface Rules {
  readonly [field: string]: Rule;
}

/** A constant for a field that is not set. */
export const otherwise =
  (value: unknown): Rule =>
  (current) =>
    current === undefined ? value : current;

/** A value that follows from the other fields, for a field that is not set. */
export const derived =
  (from: (parent: JsonObject) => unknown): Rule =>
  (current, parent) =>
    current === undefined ? from(parent) : current;

/** Rules for the fields of an object that is there. */
export const within =
  (rules: Rules): Rule =>
  (current) =>
    isObject(current) ? applyRules(current, rules) : current;

/** Rules for the fields of an object that is made if it is not there. */
export const always =
  (rules: Rules): Rule =>
  (current) =>
    current === undefined ? applyRules({}, rules) : isObject(current) ? applyRules(current, rules) : current;

/** A rule for each element of a list that is there. */
export const each =
  (rule: Rule): Rule =>
  (current, parent) => {
    if (!Array.isArray(current)) return current;
    const elements: readonly unknown[] = current;
    const next = elements.map((element) => rule(element, parent));
    return next.some((element, index) => element !== elements[index]) ? next : elements;
  };

/** Only where `holds`. */
export const when =
  (holds: (parent: JsonObject) => boolean, rule: Rule): Rule =>
  (current, parent) =>
    holds(parent) ? rule(current, parent) : current;

/** `object` with the rules applied in their order; the same object if nothing changes. */
export const applyRules = (object: JsonObject, rules: Rules): JsonObject => {
  let result = object;
  for (const [field, rule] of Object.entries(rules)) {
    const current = Object.hasOwn(result, field) ? result[field] : undefined;
    const next = rule(current, result);
    if (next !== current) result = { ...result, [field]: next };
  }
  return result;
};

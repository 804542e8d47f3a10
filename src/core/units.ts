/**
 * Branded numbers: a value carries its unit in its type, so a duration cannot be passed where a count is meant.
 * At JSON edges the unit is part of the field's name instead (`holdTimeoutMs`).
 */
declare const unit: unique symbol;
type Unit<Name extends string> = number & { readonly [unit]: Name };

/** A duration in milliseconds. */
export type Millis = Unit<'ms'>;
/** A point in time: milliseconds since the Unix epoch, on the clock of the process that made it. */
export type Instant = Unit<'instant'>;
/** A number of pods: an integer ≥ 0. */
export type Pods = Unit<'pods'>;
/** Requests in flight, averaged over time: a real number ≥ 0. */
export type Concurrency = Unit<'concurrency'>;

export const millis = (value: number): Millis => value as Millis;
export const seconds = (value: number): Millis => (value * 1000) as Millis;
export const instant = (epochMs: number): Instant => epochMs as Instant;
export const pods = (count: number): Pods => count as Pods;
export const concurrency = (value: number): Concurrency => value as Concurrency;

/** `at` moved by `by` (which may be negative). */
export const after = (at: Instant, by: Millis): Instant => (at + by) as Instant;
/** How long from `from` to `to`; negative if `to` is earlier. */
export const between = (from: Instant, to: Instant): Millis => (to - from) as Millis;

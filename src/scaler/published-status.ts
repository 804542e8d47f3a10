import { instant, type Decision, type Instant } from '../core/index.ts';
import type { NextBounds } from '../decider/index.ts';

/** What `rouse.dev/status` says: the count that was wanted last, why, and since when; and how the schedule goes on. */
export interface PublishedStatus {
  readonly desired: number;
  readonly reason: string;
  readonly since: Instant;
  readonly next?: NextBounds | undefined;
}

/** The count that a decision asks for; under `mode: observe` the one that it would ask for. */
export const wantedCount = ({ to, evidence }: Decision): number => evidence.steps.find(({ step }) => step === 'observe')?.from ?? to;

const printTime = (at: Instant): string => new Date(at).toISOString().replace(/\.\d+Z$/, 'Z');

export const printStatus = ({ desired, reason, since, next }: PublishedStatus): string =>
  JSON.stringify({ v: 1, desired, reason, since: printTime(since), ...(next === undefined ? {} : { next: { ...next, at: printTime(next.at) } }) });

const parseTime = (text: unknown): Instant | undefined => {
  const at = typeof text === 'string' ? Date.parse(text) : Number.NaN;
  return Number.isFinite(at) ? instant(at) : undefined;
};

const isCount = (value: unknown): value is number => typeof value === 'number' && Number.isInteger(value) && value >= 0;

const parseNext = (value: unknown): NextBounds | undefined => {
  if (typeof value !== 'object' || value === null || !('at' in value) || !('min' in value)) return undefined;
  const [at, max] = [parseTime(value.at), 'max' in value ? value.max : undefined];
  if (at === undefined || !isCount(value.min)) return undefined;
  return isCount(max) ? { at, min: value.min, max } : { at, min: value.min };
};

interface ReadStatus {
  readonly desired: number;
  readonly reason: string | undefined;
  readonly since: Instant | undefined;
  readonly next: NextBounds | undefined;
}

/** The reverse; a part that is not readable is undefined, and so is everything where there is no count. */
export const parseStatus = (text: string | undefined): ReadStatus | undefined => {
  try {
    const value: unknown = text === undefined ? undefined : JSON.parse(text);
    if (typeof value !== 'object' || value === null || !('desired' in value)) return undefined;
    const { desired } = value;
    if (!isCount(desired)) return undefined;
    return {
      desired,
      reason: 'reason' in value && typeof value.reason === 'string' ? value.reason : undefined,
      since: 'since' in value ? parseTime(value.since) : undefined,
      next: 'next' in value ? parseNext(value.next) : undefined,
    };
  } catch {
    return undefined;
  }
};

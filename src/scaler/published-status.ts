import { instant, type Decision, type Instant } from '../core/index.ts';

/** What `rouse.dev/status` says: the count that was wanted last, why, and since when. */
export interface PublishedStatus {
  readonly desired: number;
  readonly reason: string;
  readonly since: Instant;
}

/** The count that a decision asks for; under `mode: observe` the one that it would ask for. */
export const wantedCount = ({ to, evidence }: Decision): number => evidence.steps.find(({ step }) => step === 'observe')?.from ?? to;

export const printStatus = ({ desired, reason, since }: PublishedStatus): string =>
  JSON.stringify({ v: 1, desired, reason, since: new Date(since).toISOString().replace(/\.\d+Z$/, 'Z') });

/** The reverse; a part that is not readable is undefined, and so is everything where there is no count. */
export const parseStatus = (
  text: string | undefined,
): { readonly desired: number; readonly reason: string | undefined; readonly since: Instant | undefined } | undefined => {
  try {
    const value: unknown = text === undefined ? undefined : JSON.parse(text);
    if (typeof value !== 'object' || value === null || !('desired' in value)) return undefined;
    const { desired } = value;
    if (typeof desired !== 'number' || !Number.isInteger(desired) || desired < 0) return undefined;
    const since = 'since' in value && typeof value.since === 'string' ? Date.parse(value.since) : Number.NaN;
    return {
      desired,
      reason: 'reason' in value && typeof value.reason === 'string' ? value.reason : undefined,
      since: Number.isFinite(since) ? instant(since) : undefined,
    };
  } catch {
    return undefined;
  }
};

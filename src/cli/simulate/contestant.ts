import type { Report } from '../../core/index.ts';

export const contestants = ['rouse', 'kpa', 'hpa'] as const;
/** The two policies of the real loop, and the model of a HorizontalPodAutoscaler. */
export type ContestantName = (typeof contestants)[number];

/** Who sets the count. Its own timers are on the clock of the run. Once it has failed, each of these throws a `CommandError` that says why. */
export interface Contestant {
  /** Figures of the second that has just ended. */
  report(report: Report): void;
  /** Requests wait. */
  poke(held: number): void;
  stop(): void;
}

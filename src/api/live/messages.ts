import type { LiveColdStart, LiveLine, LiveWorkload } from './ports.ts';
import type { Series, Spark } from './series.ts';

/** What the page gets: the data of the events `list`, `story` and `happened` (an array of `LiveEvent`). Times are milliseconds since 1970 on the controller's clock. */

export interface Row extends Omit<LiveWorkload, 'key'> {
  /** The reason in a sentence. */
  readonly why: string;
}

interface Message {
  readonly now: number;
  /** False: this replica stands by; it decides the same and writes nothing. */
  readonly leads: boolean;
}

export interface ListMessage extends Message {
  readonly total: number;
  readonly matching: number;
  readonly offset: number;
  readonly rows: readonly (Row & { readonly spark: Spark })[];
}

export type StoryMessage =
  | (Message & {
      readonly problem?: undefined;
      readonly workload: Row;
      readonly series: Series;
      /** Oldest first, as `coldStarts`. */
      readonly history: readonly (LiveLine & { readonly why: string })[];
      readonly coldStarts: readonly LiveColdStart[];
    })
  /** Not onboarded. */
  | (Message & { readonly problem: string });

import { durationSecondsBounds, type DurationSeconds, type RevisionFigures } from './revision-figures.ts';

/** What a revision did, or several. */
export type Did = Pick<RevisionFigures, 'requests' | 'durationSeconds' | 'requestBytes' | 'responseBytes'>;

/** What several revisions did. */
export class RevisionSum {
  readonly revision = '';
  readonly requests = new Map<number, number>();
  readonly durationSeconds: DurationSeconds = { bounds: durationSecondsBounds, counts: durationSecondsBounds.map(() => 0).concat(0), sum: 0, count: 0 };
  requestBytes = 0;
  responseBytes = 0;

  add({ requests, durationSeconds, requestBytes, responseBytes }: Did): void {
    addEach(this.requests, requests);
    addHistogram(this.durationSeconds, durationSeconds);
    this.requestBytes += requestBytes;
    this.responseBytes += responseBytes;
  }
}

export const addEach = <Key>(to: Map<Key, number>, from: ReadonlyMap<Key, number>): void => {
  for (const [key, value] of from) to.set(key, (to.get(key) ?? 0) + value);
};

/** Of the same bounds. */
export const addHistogram = (to: { readonly counts: number[]; sum: number; count: number }, from: Pick<DurationSeconds, 'counts' | 'sum' | 'count'>): void => {
  if (from.count === 0) return;
  for (let index = 0; index < to.counts.length; index += 1) to.counts[index] = (to.counts[index] ?? 0) + (from.counts[index] ?? 0);
  to.sum += from.sum;
  to.count += from.count;
};

import { exposeHistogram, type PlainHistogram } from './histogram.ts';
import type { PlainMetric, Samples } from './series.ts';

/** What schedulers asked of the extender, by verb (`filter`, `prioritize`). */
export interface ExtenderFigures {
  readonly answers: ReadonlyMap<string, ReadonlyMap<string, number>>;
  readonly durationSeconds: ReadonlyMap<string, PlainHistogram>;
}

/** `undefined`: no scheduler may ask. */
export const extenderMetrics = (read: () => ExtenderFigures | undefined): readonly PlainMetric[] => {
  function* answers(): Samples {
    for (const [verb, byReason] of read()?.answers ?? []) for (const [reason, value] of byReason) yield { labels: { verb, reason }, value };
  }
  return [
    {
      name: 'rouse_extender_answers_total',
      help: 'Calls of schedulers (prioritize, filter) by what they were answered, and why.',
      type: 'counter',
      labels: ['verb', 'reason'],
      samples: answers,
    },
  ];
};

export const exposeExtenderDurations = (figures: ExtenderFigures | undefined): string =>
  exposeHistogram(
    'rouse_extender_duration_seconds',
    'Calls of schedulers from the head of the request until the answer was out, or nobody waited for it.',
    [...(figures?.durationSeconds ?? [])].map(([verb, histogram]) => ({ labels: { verb }, histogram })),
  );

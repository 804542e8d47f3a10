import type { FewSeries } from './few-series.ts';
import type { PlainHistogram } from './histogram.ts';
import { label, type Metric } from './series.ts';

/** What schedulers asked of the extender, by verb (`filter`, `prioritize`). */
export interface ExtenderFigures {
  readonly answers: ReadonlyMap<string, ReadonlyMap<string, number>>;
  readonly durationSeconds: ReadonlyMap<string, PlainHistogram>;
}

/** `undefined`: no scheduler may ask. */
export const extenderAnswers = (figures: ExtenderFigures | undefined): FewSeries => ({
  name: 'rouse_extender_answers_total',
  help: 'Calls of schedulers (prioritize, filter) by what they were answered, and why.',
  type: 'counter',
  labels: ['verb', 'reason'],
  *samples() {
    for (const [verb, byReason] of figures?.answers ?? []) for (const [reason, value] of byReason) yield { labels: { verb, reason }, value };
  },
});

export const extenderDurations = (figures: ExtenderFigures | undefined): Metric => ({
  name: 'rouse_extender_duration_seconds',
  help: 'Calls of schedulers from the head of the request until the answer was out, or nobody waited for it.',
  type: 'histogram',
  samples: () => [...(figures?.durationSeconds ?? [])].map(([verb, value]) => ({ labels: label('verb', verb), value })),
});

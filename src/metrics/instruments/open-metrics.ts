import type { ExpositionFormat } from './exposition.ts';

interface Range {
  readonly type: string;
  readonly version: string | undefined;
  readonly quality: number;
}

/** `Accept` (RFC 9110, 12.5.1), as far as it matters here. */
const rangesOf = (accept: string): readonly Range[] =>
  accept.split(',').map((range) => {
    const [type = '', ...parameters] = range.split(';').map((part) => part.trim().toLowerCase());
    const value = (name: string): string | undefined => parameters.find((each) => each.startsWith(`${name}=`))?.slice(name.length + 1);
    const quality = Number(value('q') ?? '1');
    return { type, version: value('version'), quality: Number.isFinite(quality) ? quality : 0 };
  });

/** Whether a scraper wants OpenMetrics 1.0.0 at least as much as the text format. Who says nothing gets the text format. */
const wantsOpenMetrics = (accept: string | undefined): boolean => {
  if (accept === undefined) return false;
  const ranges = rangesOf(accept);
  const best = (fits: (range: Range) => boolean): number => Math.max(0, ...ranges.filter(fits).map(({ quality }) => quality));
  const openMetrics = best(({ type, version }) => type === 'application/openmetrics-text' && (version === undefined || version === '1.0.0'));
  return openMetrics > 0 && openMetrics >= best(({ type }) => type === 'text/plain');
};

/** What a scraper with this `Accept` is answered in. */
export const formatFor = (accept: string | undefined): ExpositionFormat => (wantsOpenMetrics(accept) ? 'openmetrics' : 'text');

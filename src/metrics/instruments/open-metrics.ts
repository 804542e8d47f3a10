import { textFormat, type Exposition } from './series.ts';

export const openMetricsFormat = 'application/openmetrics-text; version=1.0.0; charset=utf-8';

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
export const wantsOpenMetrics = (accept: string | undefined): boolean => {
  if (accept === undefined) return false;
  const ranges = rangesOf(accept);
  const best = (fits: (range: Range) => boolean): number => Math.max(0, ...ranges.filter(fits).map(({ quality }) => quality));
  const openMetrics = best(({ type, version }) => type === 'application/openmetrics-text' && (version === undefined || version === '1.0.0'));
  return openMetrics > 0 && openMetrics >= best(({ type }) => type === 'text/plain');
};

/**
 * The same as OpenMetrics 1.0.0: the family of a counter is called without `_total`, there are no empty lines, whole numbers in `le` have a `.0`, and the end is
 * marked. For what our instruments write: every metric with `_total` is a counter.
 */
export const asOpenMetrics = ({ body }: Exposition): Exposition => ({
  contentType: openMetricsFormat,
  body: `${body
    .replaceAll(/^(# (?:HELP|TYPE) \S+)_total(?= )/gm, '$1')
    .replaceAll(/le="(\d+)"/g, 'le="$1.0"')
    .replaceAll(/\n{2,}/g, '\n')
    .trim()}\n# EOF\n`,
});

/** An exposition in the format that `accept` asks for. */
export const negotiated = (exposition: Exposition, accept: string | undefined): Exposition =>
  exposition.contentType === textFormat && wantsOpenMetrics(accept) ? asOpenMetrics(exposition) : exposition;

import { nextTurn } from '../../core/index.ts';
import { ExpositionBytes } from './exposition-bytes.ts';
import type { Metric } from './series.ts';

/** The text format of Prometheus (https://prometheus.io/docs/instrumenting/exposition_formats/), or OpenMetrics 1.0.0. */
export type ExpositionFormat = 'text' | 'openmetrics';

const formats = {
  text: { contentType: 'text/plain; version=0.0.4; charset=utf-8', end: '' },
  openmetrics: { contentType: 'application/openmetrics-text; version=1.0.0; charset=utf-8', end: '# EOF\n' },
} as const;

/** The answer to a scrape, in pieces: whole, the one of 5,000 workloads would be a string of 60 MB that the event loop has to wait for. */
export class Exposition {
  readonly #format: ExpositionFormat;
  readonly #pieces: readonly Uint8Array[];

  constructor(format: ExpositionFormat, pieces: readonly Uint8Array[]) {
    this.#format = format;
    this.#pieces = pieces;
  }

  /** Of what was written as text elsewhere, and is not much. */
  static ofText(format: ExpositionFormat, text: string): Exposition {
    return new Exposition(format, [Buffer.from(format === 'text' ? text : asOpenMetrics(text))]);
  }

  /** One after the other: no metric may be in two of them. */
  static together(format: ExpositionFormat, parts: readonly Exposition[]): Exposition {
    return new Exposition(
      format,
      parts.flatMap((part) => part.#pieces),
    );
  }

  get contentType(): string {
    return formats[this.#format].contentType;
  }

  get pieces(): readonly Uint8Array[] {
    return [...this.#pieces, Buffer.from(formats[this.#format].end)];
  }

  get body(): string {
    return Buffer.concat(this.pieces).toString();
  }
}

/**
 * The same as OpenMetrics 1.0.0, but for its end: the family of a counter is called without `_total`, there are no empty lines, and whole numbers in `le` have a `.0`.
 * For what our instruments write: every metric with `_total` is a counter.
 */
const asOpenMetrics = (text: string): string =>
  `${text
    .replaceAll(/^(# (?:HELP|TYPE) \S+)_total(?= )/gm, '$1')
    .replaceAll(/le="(\d+)"/g, 'le="$1.0"')
    .replaceAll(/\n{2,}/g, '\n')
    .trim()}\n`;

/**
 * Reads and writes the metrics. Others have their turn after each piece, so a process of thousands of workloads serves meanwhile: a series, and all of a histogram, is read at once; figures that come
 * later may be some milliseconds younger. Written by hand, since a client library keeps every series as an object of its own (docs/decisions/0028-who-writes-the-exposition.md).
 */
export const exposeMetrics = async (metrics: readonly Metric[], format: ExpositionFormat): Promise<Exposition> => {
  const bytes = new ExpositionBytes(format);
  for (const metric of metrics) {
    await nextTurn();
    bytes.begin(metric);
    if (metric.type === 'histogram') {
      for (const sample of metric.samples()) {
        bytes.histogram(sample);
        if (bytes.pieceIsFull) await nextTurn();
      }
    } else {
      for (const sample of metric.samples()) {
        bytes.sample(sample);
        if (bytes.pieceIsFull) await nextTurn();
      }
    }
  }
  return new Exposition(format, bytes.end());
};

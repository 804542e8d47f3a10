import type { Instant } from '../../core/index.ts';
import { label, type Metric, type Sample } from './series.ts';

/** What a gateway counts of its shared ports alone. */
export interface EdgePortFigures {
  /** Connections that ended before HTTP began on them, by reason. */
  readonly rejectedConnections: ReadonlyMap<string, number>;
  /** By file; none where nothing is served over TLS. */
  readonly certificates: ReadonlyMap<string, { readonly notAfter: Instant | undefined; readonly valid: 0 | 1 }>;
}

type Samples = Iterable<Sample<number>>;

export const edgePortMetrics = (figures: EdgePortFigures): readonly Metric[] => {
  function* rejected(): Samples {
    for (const [reason, value] of figures.rejectedConnections) yield { labels: label('reason', reason), value };
  }
  function* expiry(): Samples {
    for (const [file, { notAfter }] of figures.certificates) if (notAfter !== undefined) yield { labels: label('file', file), value: notAfter / 1000 };
  }
  function* valid(): Samples {
    for (const [file, { valid: value }] of figures.certificates) yield { labels: label('file', file), value };
  }
  return [
    {
      name: 'rouse_gateway_rejected_connections_total',
      help: 'Connections to the shared ports that ended before HTTP began on them: without TLS, without a header of the PROXY protocol, or too late.',
      type: 'counter',
      samples: rejected,
    },
    {
      name: 'rouse_gateway_certificate_expiry_timestamp_seconds',
      help: 'When a certificate that is served expires, by its file in --tls-cert-dir.',
      type: 'gauge',
      samples: expiry,
    },
    {
      name: 'rouse_gateway_certificate_valid',
      help: '1 while a file in --tls-cert-dir is served as it is, 0 while it cannot be used: then what it held before is served, if it was of use.',
      type: 'gauge',
      samples: valid,
    },
  ];
};

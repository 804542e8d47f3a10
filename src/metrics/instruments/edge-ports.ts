import type { Instant } from '../../core/index.ts';
import type { PlainMetric, Samples } from './series.ts';

/** What a gateway counts of its shared ports alone. */
export interface EdgePortFigures {
  /** Connections that ended before HTTP began on them, by reason. */
  readonly rejectedConnections: ReadonlyMap<string, number>;
  /** By file; none where nothing is served over TLS. */
  readonly certificates: ReadonlyMap<string, { readonly notAfter: Instant | undefined; readonly valid: 0 | 1 }>;
}

export const edgePortMetrics = (read: () => EdgePortFigures): readonly PlainMetric[] => {
  function* rejected(): Samples {
    for (const [reason, value] of read().rejectedConnections) yield { labels: { reason }, value };
  }
  function* expiry(): Samples {
    for (const [file, { notAfter }] of read().certificates) if (notAfter !== undefined) yield { labels: { file }, value: notAfter / 1000 };
  }
  function* valid(): Samples {
    for (const [file, { valid: value }] of read().certificates) yield { labels: { file }, value };
  }
  return [
    {
      name: 'rouse_gateway_rejected_connections_total',
      help: 'Connections to the shared ports that ended before HTTP began on them: without TLS, without a header of the PROXY protocol, or too late.',
      type: 'counter',
      labels: ['reason'],
      samples: rejected,
    },
    {
      name: 'rouse_gateway_certificate_expiry_timestamp_seconds',
      help: 'When a certificate that is served expires, by its file in --tls-cert-dir.',
      type: 'gauge',
      labels: ['file'],
      samples: expiry,
    },
    {
      name: 'rouse_gateway_certificate_valid',
      help: '1 while a file in --tls-cert-dir is served as it is, 0 while it cannot be used: then what it held before is served, if it was of use.',
      type: 'gauge',
      labels: ['file'],
      samples: valid,
    },
  ];
};

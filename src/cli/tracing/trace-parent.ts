import { isSpanContextValid, type SpanContext } from '@opentelemetry/api';

/** W3C Trace Context §3.2, version 00: what crosses the link, whatever propagators requests are set up with. */
export const traceParentOf = ({ traceId, spanId, traceFlags }: SpanContext): string => `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`;

const form = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/;

export const spanContextOf = (traceParent: string): SpanContext | undefined => {
  const [, traceId = '', spanId = '', flags = ''] = form.exec(traceParent) ?? [];
  const context = { traceId, spanId, traceFlags: Number.parseInt(flags, 16), isRemote: true };
  return isSpanContextValid(context) ? context : undefined;
};

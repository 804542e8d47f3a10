import { createRequire } from 'node:module';

/** OTLP as its own definitions have it (opentelemetry-proto, compiled by protobufjs): an export from any of its three encodings, as one plain form. */

/** A span as it came, with what it is about by name. */
export interface ReceivedSpan {
  readonly name: string;
  readonly kind: number;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string | undefined;
  readonly traceState: string | undefined;
  readonly startMs: number;
  readonly endMs: number;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly links: readonly { readonly traceId: string; readonly spanId: string; readonly attributes: Readonly<Record<string, unknown>> }[];
  readonly events: readonly { readonly name: string; readonly attributes: Readonly<Record<string, unknown>> }[];
  readonly status: { readonly code?: number; readonly message?: string };
  readonly service: unknown;
}

export interface ReceivedPoint {
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly startMs: number | undefined;
  /** Of a sum or gauge. */
  readonly value: number | undefined;
  /** Of a histogram. */
  readonly histogram: { readonly count: number; readonly sum: number; readonly bounds: readonly number[]; readonly counts: readonly number[] } | undefined;
}

export interface ReceivedMetric {
  readonly name: string;
  readonly description: string;
  readonly unit: string;
  readonly kind: 'sum' | 'gauge' | 'histogram';
  /** Of a sum. */
  readonly isMonotonic: boolean;
  /** 2: cumulative. */
  readonly temporality: number | undefined;
  readonly points: readonly ReceivedPoint[];
  readonly service: unknown;
}

interface KeyValue {
  readonly key: string;
  readonly value: Readonly<Record<string, unknown>>;
}
interface Attributed {
  readonly attributes?: readonly KeyValue[];
}
interface OtlpSpan extends Attributed {
  readonly name: string;
  readonly kind: number;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly traceState?: string;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly links?: readonly (Attributed & { readonly traceId: string; readonly spanId: string })[];
  readonly events?: readonly (Attributed & { readonly name: string })[];
  readonly status?: ReceivedSpan['status'];
}
interface OtlpPoint extends Attributed {
  readonly startTimeUnixNano?: string;
  readonly asDouble?: number;
  readonly asInt?: string;
  readonly count?: string;
  readonly sum?: number;
  readonly explicitBounds?: readonly number[];
  readonly bucketCounts?: readonly string[];
}
interface OtlpPoints {
  readonly dataPoints: readonly OtlpPoint[];
  readonly isMonotonic?: boolean;
  readonly aggregationTemporality?: number;
}
interface OtlpMetric {
  readonly name: string;
  readonly description?: string;
  readonly unit?: string;
  readonly sum?: OtlpPoints;
  readonly gauge?: OtlpPoints;
  readonly histogram?: OtlpPoints;
}
interface Resourced {
  readonly resource: Attributed;
}
interface OtlpTraces {
  readonly resourceSpans?: readonly (Resourced & { readonly scopeSpans: readonly { readonly spans?: readonly OtlpSpan[] }[] })[];
}
interface OtlpMetrics {
  readonly resourceMetrics?: readonly (Resourced & { readonly scopeMetrics: readonly { readonly metrics?: readonly OtlpMetric[] }[] })[];
}

/** A message type as protobufjs compiles it. */
interface MessageType<Form> {
  decode(bytes: Uint8Array): object;
  fromObject(plain: object): object;
  toObject(message: object, options: object): Form;
  verify(message: object): string | null;
}
interface Definitions {
  readonly opentelemetry: {
    readonly proto: {
      readonly collector: {
        readonly trace: { readonly v1: { readonly ExportTraceServiceRequest: MessageType<OtlpTraces> } };
        readonly metrics: { readonly v1: { readonly ExportMetricsServiceRequest: MessageType<OtlpMetrics> } };
      };
    };
  };
}

const { collector } = (createRequire(import.meta.url)('otlp-definitions/build/src/generated/root.js') as Definitions).opentelemetry.proto;

const ids = new Set(['traceId', 'spanId', 'parentSpanId']);
const hexOf = (base64: string): string => Buffer.from(base64, 'base64').toString('hex');

const plainForm = { longs: String, bytes: String };
const fromProtobuf =
  <Form>(type: MessageType<Form>) =>
  (bytes: Uint8Array): Form =>
    type.toObject(type.decode(bytes), plainForm);
/** Ids in OTLP's JSON are hexadecimal, unlike bytes in the JSON of protobuf. */
const fromJson =
  <Form>(type: MessageType<Form>) =>
  (bytes: Uint8Array): Form => {
    const plain = JSON.parse(Buffer.from(bytes).toString(), (key, value: unknown) =>
      ids.has(key) && typeof value === 'string' ? Buffer.from(value, 'hex') : value,
    ) as object;
    const message = type.fromObject(plain);
    const problem = type.verify(message);
    if (problem !== null) throw new Error(problem);
    return type.toObject(message, plainForm);
  };

/** `{intValue: "1"}` → 1, `{stringValue: "a"}` → "a", `{arrayValue: {values: […]}}` → […]. */
const valueOf = (value: KeyValue['value']): unknown => {
  const [[kind, content] = ['', undefined]] = Object.entries(value);
  if (kind === 'intValue') return Number(content);
  if (kind === 'arrayValue') return ((content as { readonly values?: readonly KeyValue['value'][] }).values ?? []).map(valueOf);
  return content;
};
const byName = ({ attributes = [] }: Attributed): Readonly<Record<string, unknown>> =>
  Object.fromEntries(attributes.map(({ key, value }) => [key, valueOf(value)]));
const msOf = (nanoseconds: string): number => Number(BigInt(nanoseconds) / 1000n) / 1000;
const serviceOf = ({ resource }: Resourced): unknown => byName(resource)['service.name'];

const spansOf = ({ resourceSpans = [] }: OtlpTraces): readonly ReceivedSpan[] =>
  resourceSpans.flatMap((resourced) =>
    resourced.scopeSpans.flatMap(({ spans = [] }) =>
      spans.map((span) => ({
        name: span.name,
        kind: span.kind,
        traceId: hexOf(span.traceId),
        spanId: hexOf(span.spanId),
        parentSpanId: (span.parentSpanId ?? '') === '' ? undefined : hexOf(span.parentSpanId ?? ''),
        traceState: span.traceState,
        startMs: msOf(span.startTimeUnixNano),
        endMs: msOf(span.endTimeUnixNano),
        attributes: byName(span),
        links: (span.links ?? []).map((link) => ({ traceId: hexOf(link.traceId), spanId: hexOf(link.spanId), attributes: byName(link) })),
        events: (span.events ?? []).map((event) => ({ name: event.name, attributes: byName(event) })),
        status: span.status ?? {},
        service: serviceOf(resourced),
      })),
    ),
  );

const pointOf = (point: OtlpPoint): ReceivedPoint => {
  const value = point.asDouble ?? (point.asInt === undefined ? undefined : Number(point.asInt));
  return {
    attributes: byName(point),
    startMs: point.startTimeUnixNano === undefined ? undefined : msOf(point.startTimeUnixNano),
    value,
    histogram:
      value !== undefined
        ? undefined
        : {
            count: Number(point.count ?? 0),
            sum: point.sum ?? 0,
            bounds: point.explicitBounds ?? [],
            counts: (point.bucketCounts ?? []).map(Number),
          },
  };
};

const metricsOf = ({ resourceMetrics = [] }: OtlpMetrics): readonly ReceivedMetric[] =>
  resourceMetrics.flatMap((resourced) =>
    resourced.scopeMetrics.flatMap(({ metrics = [] }) =>
      metrics.flatMap((metric) =>
        (['sum', 'gauge', 'histogram'] as const).flatMap((kind) => {
          const points = metric[kind];
          if (points === undefined) return [];
          return {
            name: metric.name,
            description: metric.description ?? '',
            unit: metric.unit ?? '',
            kind,
            isMonotonic: points.isMonotonic ?? false,
            temporality: points.aggregationTemporality,
            points: points.dataPoints.map(pointOf),
            service: serviceOf(resourced),
          };
        }),
      ),
    ),
  );

type Decode<Item> = Readonly<Record<'protobuf' | 'json', (bytes: Uint8Array) => readonly Item[]>>;
const decoding = <Form, Item>(type: MessageType<Form>, items: (form: Form) => readonly Item[]): Decode<Item> => ({
  protobuf: (bytes) => items(fromProtobuf(type)(bytes)),
  json: (bytes) => items(fromJson(type)(bytes)),
});

export const decodeTraces = decoding(collector.trace.v1.ExportTraceServiceRequest, spansOf);
export const decodeMetrics = decoding(collector.metrics.v1.ExportMetricsServiceRequest, metricsOf);

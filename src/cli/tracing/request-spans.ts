import {
  propagation,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
  type Attributes,
  type Context,
  type Span,
  type TextMapGetter,
  type Tracer as OtelTracer,
} from '@opentelemetry/api';
import type { PodRoute } from '../../core/index.ts';
import type { LoggedRequest, PodFields, RequestClient, RequestTrace, TracedCall, TracedWorkload, Tracer } from '../../gateway/index.ts';
import { spanContextOf } from './trace-parent.ts';
import { workloadAttributes } from './workload-attributes.ts';

/** Methods that may be in the name of a span; any other one is told apart by an attribute (semantic conventions for HTTP). */
const knownMethods: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'TRACE', 'PATCH', 'QUERY']);

const fromRequest: TextMapGetter<LoggedRequest> = { get: (request, key) => [...request.headers(key)], keys: () => [] };
/** `baggage` is the client's affair, and passes as it came. */
const intoFields = {
  set: (fields: Map<string, string | undefined>, key: string, value: string): void => {
    if (key !== 'baggage') fields.set(key, value);
  },
};

/** Requests as spans of OpenTelemetry: one of kind SERVER for each, below it `hold` for each time that it waits, linked to the wake that it waited for, and `upstream`, of kind CLIENT, for each pod that it is given to. */
export const spanTracer = (tracer: OtelTracer): Tracer => ({
  begin: (request, client, workload) => new RequestSpans(tracer, request, client, workload),
});

class RequestSpans implements RequestTrace {
  fields: PodFields = new Map();
  readonly #tracer: OtelTracer;
  readonly #workload: TracedWorkload;
  readonly #method: Attributes;
  readonly #server: Span;
  readonly #within: Context;
  #hold: Span | undefined;
  #waitsForWake = false;
  #upstream: Span | undefined;
  #attempts = 0;

  constructor(tracer: OtelTracer, request: LoggedRequest, client: RequestClient, workload: TracedWorkload) {
    const known = knownMethods.has(request.method);
    this.#tracer = tracer;
    this.#workload = workload;
    this.#method = known ? { 'http.request.method': request.method } : { 'http.request.method': '_OTHER', 'http.request.method_original': request.method };
    const parent = propagation.extract(ROOT_CONTEXT, request, fromRequest);
    this.#server = tracer.startSpan(
      known ? request.method : 'HTTP',
      { kind: SpanKind.SERVER, attributes: { ...this.#method, ...requestAttributes(request, client, workload) } },
      parent,
    );
    this.#within = trace.setSpan(parent, this.#server);
  }

  held(atZero: boolean): void {
    this.#waitsForWake ||= atZero;
    this.#hold ??= this.#tracer.startSpan('hold', { attributes: { 'rouse.wake': atZero } }, this.#within);
  }

  given({ name, address, revision }: PodRoute, port: number): void {
    this.#endHold();
    const attributes = {
      ...this.#method,
      'server.address': address,
      'server.port': port,
      'k8s.pod.name': name,
      'rouse.revision': revision,
      ...(this.#attempts > 0 ? { 'http.request.resend_count': this.#attempts } : {}),
    };
    this.#attempts += 1;
    this.#upstream = this.#tracer.startSpan('upstream', { kind: SpanKind.CLIENT, attributes }, this.#within);
    this.fields = fieldsOf(trace.setSpan(this.#within, this.#upstream));
  }

  unreachable(problem: string): void {
    this.#endUpstream({ 'error.type': 'connect-failed' }, problem);
  }

  again(problem: string): void {
    this.#endUpstream({ 'error.type': 'upstream-reset' }, problem);
  }

  ended(status: number, { refusedWith: reason, brokenOffBy: abortedBy, requestBytes, responseBytes }: TracedCall): void {
    this.#endHold();
    const by = abortedBy === undefined ? {} : { 'rouse.aborted_by': abortedBy };
    const gone = abortedBy === 'client' && status === clientGone;
    const failure = reason ?? (abortedBy === 'pod' ? 'upstream-reset' : undefined);
    const answered = gone ? {} : { 'http.response.status_code': status };
    if (failure === undefined) this.#endUpstream({ ...answered, ...errorOf(status >= 400 && !gone ? String(status) : undefined), ...by }, undefined);
    else this.#endUpstream({ 'error.type': failure, ...by }, failure);
    const server = this.#server;
    server.setAttributes({
      ...answered,
      ...by,
      ...errorOf(failure ?? (status >= 500 ? String(status) : undefined)),
      ...(reason === undefined ? {} : { 'rouse.reason': reason }),
      'http.request.body.size': requestBytes,
      'http.response.body.size': responseBytes,
    });
    if (status >= 500 || abortedBy === 'pod') server.setStatus({ code: SpanStatusCode.ERROR });
    server.end();
  }

  /** The wake begins only upon the word that somebody waits: at the end of the wait, its span is known. */
  #endHold(): void {
    const hold = this.#hold;
    if (hold === undefined) return;
    const wake = this.#waitsForWake ? this.#workload.wakeContext : undefined;
    const context = wake === undefined ? undefined : spanContextOf(wake);
    if (context !== undefined) hold.addLink({ context, attributes: { 'rouse.link': 'wake' } });
    hold.end();
    this.#hold = undefined;
    this.#waitsForWake = false;
  }

  /** Of a client span every status from 400 is an error. */
  #endUpstream(attributes: Attributes, problem: string | undefined): void {
    const span = this.#upstream;
    this.#upstream = undefined;
    if (span === undefined) return;
    span.setAttributes(attributes);
    if (problem !== undefined) span.setStatus({ code: SpanStatusCode.ERROR, message: problem });
    else if (attributes['error.type'] !== undefined) span.setStatus({ code: SpanStatusCode.ERROR });
    span.end();
  }
}

/** What is counted where the client went away before an answer: nobody got it. */
const clientGone = 499;
const errorOf = (type: string | undefined): Attributes => (type === undefined ? {} : { 'error.type': type });

const requestAttributes = (request: LoggedRequest, { clientAddress, scheme }: RequestClient, { key }: TracedWorkload): Attributes => {
  const [path = '', ...query] = request.path.split('?');
  return {
    'url.scheme': scheme,
    'url.path': path,
    ...(query.length === 0 ? {} : { 'url.query': query.join('?') }),
    'server.address': request.host,
    'client.address': clientAddress,
    'network.protocol.version': request.protocol.slice('HTTP/'.length),
    ...(request.userAgent === '' ? {} : { 'user_agent.original': request.userAgent }),
    ...workloadAttributes(key),
  };
};

/** A trace state belongs to its trace: where the client's own cannot be read, its state does not go on with a new one (W3C Trace Context §3.3). */
const fieldsOf = (context: Context): PodFields => {
  const fields = new Map<string, string | undefined>([['tracestate', undefined]]);
  propagation.inject(context, fields, intoFields);
  return fields;
};

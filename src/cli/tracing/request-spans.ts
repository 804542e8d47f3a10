import {
  propagation,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
  type Attributes,
  type Context,
  type HrTime,
  type Span,
  type SpanOptions,
  type TextMapGetter,
  type Tracer as OtelTracer,
} from '@opentelemetry/api';
import type { Clock, PodRoute } from '../../core/index.ts';
import type { LoggedRequest, PodChoice, PodFields, RequestClient, RequestTrace, TracedCall, TracedWorkload, Tracer } from '../../gateway/index.ts';
import { spanContextOf } from './trace-parent.ts';
import { timeOf, workloadAttributes } from './workload-attributes.ts';

/** Methods that may be in the name of a span; any other one is told apart by an attribute (semantic conventions for HTTP). */
const knownMethods: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'TRACE', 'PATCH', 'QUERY']);

const fromRequest: TextMapGetter<LoggedRequest> = { get: (request, key) => [...request.headers(key)], keys: () => [] };
/** `baggage` is the client's affair, and passes as it came. */
const intoFields = {
  set: (fields: Map<string, string | undefined>, key: string, value: string): void => {
    if (key !== 'baggage') fields.set(key, value);
  },
};

/**
 * Requests as spans of OpenTelemetry: one of kind SERVER for each, and below it, each where the one before it ends, `accept`; `hold`, where it has to wait, linked to the wake that it waited for; `pick` and `forward`,
 * of kind CLIENT, for each pod that it is given to. Of a request that is not sampled nothing is made but the context for its pod.
 */
export const spanTracer = (tracer: OtelTracer, clock: Clock): Tracer => ({
  begin: (request, client, workload) => {
    const admittedAt = clock.monotonic();
    // One difference between the two clocks for the whole request: its spans meet.
    const offset = clock.now() - admittedAt;
    const startTime = timeOf(offset + (client.headAt ?? admittedAt));
    const parent = propagation.extract(ROOT_CONTEXT, request, fromRequest);
    const method = knownMethods.has(request.method)
      ? { 'http.request.method': request.method }
      : { 'http.request.method': '_OTHER', 'http.request.method_original': request.method };
    const server = tracer.startSpan(
      method['http.request.method'] === '_OTHER' ? 'HTTP' : request.method,
      { kind: SpanKind.SERVER, startTime, attributes: { ...method, ...requestAttributes(request, client, workload) } },
      parent,
    );
    const within = trace.setSpan(parent, server);
    return server.isRecording()
      ? new RequestSpans({ tracer, server, within, workload, method, now: () => timeOf(offset + clock.monotonic()) }, startTime)
      : new UntracedRequest(within);
  },
});

/** One that is not sampled: its pod is told so. */
class UntracedRequest implements RequestTrace {
  readonly fields: PodFields;

  constructor(within: Context) {
    this.fields = fieldsOf(within);
  }

  held(): void {}
  picking(): void {}
  given(): void {}
  unreachable(): void {}
  again(): void {}
  ended(): void {}
}

interface Traced {
  readonly tracer: OtelTracer;
  readonly server: Span;
  readonly within: Context;
  readonly workload: TracedWorkload;
  /** Of the request, for each span of kind SERVER or CLIENT. */
  readonly method: Attributes;
  readonly now: () => HrTime;
}

class RequestSpans implements RequestTrace {
  fields: PodFields = new Map();
  readonly #traced: Traced;
  /** Where the next span begins. */
  #since: HrTime;
  /** When a pod was looked for last, of one that waits. */
  #lookedAt: HrTime | undefined;
  #hold: Span | undefined;
  #waitsForWake = false;
  #forward: Span | undefined;
  #attempts = 0;

  constructor(traced: Traced, begunAt: HrTime) {
    this.#traced = traced;
    this.#since = traced.now();
    this.#start('accept', begunAt).end(this.#since);
  }

  held(atZero: boolean): void {
    this.#waitsForWake ||= atZero;
    this.#hold ??= this.#start('hold', this.#since, { attributes: { 'rouse.wake': atZero } });
  }

  picking(): void {
    if (this.#hold !== undefined) this.#lookedAt = this.#traced.now();
  }

  given({ name, address, revision }: PodRoute, port: number, { usable, inFlight }: PodChoice): void {
    const { within, method, now } = this.#traced;
    const since = this.#lookedAt ?? this.#since;
    this.#endHold(since);
    const pod = { 'k8s.pod.name': name, 'rouse.revision': revision };
    const chosenAt = now();
    this.#start('pick', since, { attributes: { ...pod, 'rouse.pods.usable': usable, 'rouse.pod.requests.in_flight': inFlight } }).end(chosenAt);
    const resend = this.#attempts > 0 ? { 'http.request.resend_count': this.#attempts } : {};
    this.#attempts += 1;
    this.#forward = this.#start('forward', chosenAt, {
      kind: SpanKind.CLIENT,
      attributes: { ...method, ...pod, 'server.address': address, 'server.port': port, ...resend },
    });
    this.fields = fieldsOf(trace.setSpan(within, this.#forward));
  }

  unreachable(problem: string): void {
    this.#endForward(this.#traced.now(), { 'error.type': 'connect-failed' }, problem);
  }

  again(problem: string): void {
    this.#endForward(this.#traced.now(), { 'error.type': 'upstream-reset' }, problem);
  }

  ended(status: number, { refusedWith: reason, brokenOffBy: abortedBy, requestBytes, responseBytes }: TracedCall): void {
    const { server, now } = this.#traced;
    const at = now();
    this.#endHold(at);
    const by = abortedBy === undefined ? {} : { 'rouse.aborted_by': abortedBy };
    const gone = abortedBy === 'client' && status === clientGone;
    const failure = reason ?? (abortedBy === 'pod' ? 'upstream-reset' : undefined);
    const answered = gone ? {} : { 'http.response.status_code': status };
    if (failure === undefined) this.#endForward(at, { ...answered, ...errorOf(status >= 400 && !gone ? String(status) : undefined), ...by }, undefined);
    else this.#endForward(at, { 'error.type': failure, ...by }, failure);
    server.setAttributes({
      ...answered,
      ...by,
      ...errorOf(failure ?? (status >= 500 ? String(status) : undefined)),
      ...(reason === undefined ? {} : { 'rouse.reason': reason }),
      'http.request.body.size': requestBytes,
      'http.response.body.size': responseBytes,
    });
    if (status >= 500 || abortedBy === 'pod') server.setStatus({ code: SpanStatusCode.ERROR });
    server.end(at);
  }

  #start(name: string, startTime: HrTime, options: SpanOptions = {}): Span {
    return this.#traced.tracer.startSpan(name, { ...options, startTime }, this.#traced.within);
  }

  /** The wake begins only upon the word that somebody waits: at the end of the wait, its span is known. */
  #endHold(at: HrTime): void {
    const hold = this.#hold;
    if (hold === undefined) return;
    const wake = this.#waitsForWake ? this.#traced.workload.wakeContext : undefined;
    const context = wake === undefined ? undefined : spanContextOf(wake);
    if (context !== undefined) hold.addLink({ context, attributes: { 'rouse.link': 'wake' } });
    hold.end(at);
    this.#hold = undefined;
    this.#lookedAt = undefined;
    this.#waitsForWake = false;
  }

  /** Of a client span every status from 400 is an error. */
  #endForward(at: HrTime, attributes: Attributes, problem: string | undefined): void {
    const span = this.#forward;
    this.#forward = undefined;
    this.#since = at;
    if (span === undefined) return;
    span.setAttributes(attributes);
    if (problem !== undefined) span.setStatus({ code: SpanStatusCode.ERROR, message: problem });
    else if (attributes['error.type'] !== undefined) span.setStatus({ code: SpanStatusCode.ERROR });
    span.end(at);
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

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Server, ServerCredentials, type handleUnaryCall, type MethodDefinition } from '@grpc/grpc-js';
import type { ExecutionContext } from 'ava';
import { gunzipSync } from 'node:zlib';
import { decodeMetrics, decodeTraces, type ReceivedMetric, type ReceivedSpan } from './otlp-definitions.ts';

export type { ReceivedMetric, ReceivedSpan } from './otlp-definitions.ts';

/** What stands in for a collector, which cannot be installed where the tests run. */
export interface OtlpReceiver {
  /** For `http/protobuf` and `http/json`. */
  readonly url: string;
  /** For `grpc`. */
  readonly grpcUrl: string;
  readonly spans: readonly ReceivedSpan[];
  /** Newest last: each export has all of them. */
  readonly metrics: readonly ReceivedMetric[];
  /** Exports by how they came: `grpc`, `application/json`, `application/x-protobuf`. */
  readonly exports: ReadonlyMap<string, number>;
  /** What could not be understood. */
  readonly problems: readonly string[];
}

const traceService = '/opentelemetry.proto.collector.trace.v1.TraceService/Export';
const metricsService = '/opentelemetry.proto.collector.metrics.v1.MetricsService/Export';

/** A response without a field: everything was taken. */
const taken = Buffer.alloc(0);
const method = (path: string): MethodDefinition<Buffer, Buffer> => ({
  path,
  requestStream: false,
  responseStream: false,
  requestSerialize: (bytes) => bytes,
  requestDeserialize: (bytes) => bytes,
  responseSerialize: (bytes) => bytes,
  responseDeserialize: (bytes) => bytes,
});

/** Takes traces and metrics by OTLP over HTTP, with protobuf or JSON, and over gRPC (https://opentelemetry.io/docs/specs/otlp/). */
export const startOtlpReceiver = async (t: ExecutionContext): Promise<OtlpReceiver> => {
  const spans: ReceivedSpan[] = [];
  const metrics: ReceivedMetric[] = [];
  const exports = new Map<string, number>();
  const problems: string[] = [];
  const take = (how: string, what: 'traces' | 'metrics', bytes: Uint8Array): boolean => {
    const encoding = how === 'application/json' ? 'json' : 'protobuf';
    exports.set(how, (exports.get(how) ?? 0) + 1);
    try {
      if (what === 'traces') spans.push(...decodeTraces[encoding](bytes));
      else metrics.push(...decodeMetrics[encoding](bytes));
      return true;
    } catch (error) {
      problems.push(`${how} ${what}: ${String(error)}`);
      return false;
    }
  };
  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      const contentType = request.headers['content-type'] ?? '';
      const sent = Buffer.concat(parts);
      const body = request.headers['content-encoding'] === 'gzip' ? gunzipSync(sent) : sent;
      const what = request.url === '/v1/traces' ? 'traces' : request.url === '/v1/metrics' ? 'metrics' : undefined;
      const status = what === undefined ? 404 : take(contentType, what, body) ? 200 : 400;
      response.writeHead(status, { 'content-type': contentType }).end(contentType === 'application/json' ? '{}' : '');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const grpc = new Server();
  const takes =
    (what: 'traces' | 'metrics'): handleUnaryCall<Buffer, Buffer> =>
    ({ request }, answer) => {
      take('grpc', what, request);
      answer(null, taken);
    };
  grpc.addService({ Export: method(traceService) }, { Export: takes('traces') });
  grpc.addService({ Export: method(metricsService) }, { Export: takes('metrics') });
  const grpcPort = await new Promise<number>((resolve, reject) => {
    grpc.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) => (error === null ? resolve(port) : reject(error)));
  });
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
    grpc.forceShutdown();
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    grpcUrl: `http://127.0.0.1:${grpcPort}`,
    spans,
    metrics,
    exports,
    problems,
  };
};

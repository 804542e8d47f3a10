import { connect, type ClientHttp2Session, type IncomingHttpHeaders } from 'node:http2';
import { messageOf } from '../../../core/index.ts';

/** Answers of grpc.health.v1.HealthCheckResponse, by number. */
const statuses = ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN'] as const;

const unimplemented = '12';

const varint = (value: number): readonly number[] => (value < 128 ? [value] : [(value & 127) | 128, ...varint(value >>> 7)]);

/** HealthCheckRequest{service}, length-prefixed as gRPC messages are. */
const requestFrame = (service: string): Buffer => {
  const name = Buffer.from(service);
  const message = name.length === 0 ? Buffer.alloc(0) : Buffer.concat([Buffer.from([0x0a, ...varint(name.length)]), name]);
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
};

/** Field 1 of the response, an enum below 128; a missing field is 0. */
const statusOf = (body: Buffer): string => {
  const message = body.subarray(5);
  return statuses[message[0] === 0x08 ? (message[1] ?? 0) : 0] ?? 'UNKNOWN';
};

interface Answer {
  readonly trailers: IncomingHttpHeaders;
  readonly body: Buffer;
}

const call = (session: ClientHttp2Session, service: string, signal: AbortSignal): Promise<Answer> =>
  new Promise((resolve, reject) => {
    session.once('error', reject);
    const stream = session.request(
      { ':method': 'POST', ':path': '/grpc.health.v1.Health/Check', 'content-type': 'application/grpc', te: 'trailers', 'user-agent': 'kube-probe/1.36' },
      { signal },
    );
    const chunks: Buffer[] = [];
    let headers: IncomingHttpHeaders = {};
    stream.once('response', (given) => {
      headers = given;
    });
    stream.once('trailers', (given: IncomingHttpHeaders) => {
      headers = { ...headers, ...given };
    });
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.once('error', reject);
    stream.once('close', () => {
      resolve({ trailers: headers, body: Buffer.concat(chunks) });
    });
    stream.end(requestFrame(service));
  });

/** Asks for the health of a service by gRPC; a sentence if it does not serve, in a kubelet's words (k8s.io/kubernetes `pkg/probe/grpc`). */
export const grpcProblem = async (host: string, port: number, service: string, signal: AbortSignal): Promise<string | undefined> => {
  const address = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
  const session = connect(`http://${address}`);
  try {
    const { trailers, body } = await call(session, service, signal);
    const status = String(trailers['grpc-status'] ?? '');
    if (status === unimplemented)
      return `error: this server does not implement the grpc health protocol (grpc.health.v1.Health): ${String(trailers['grpc-message'] ?? '')}`;
    if (status !== '0') return `error: health rpc failed: ${String(trailers['grpc-message'] ?? `status ${status === '' ? 'missing' : status}`)}`;
    const answer = statusOf(body);
    return answer === 'SERVING' ? undefined : `service unhealthy (responded with "${answer}")`;
  } catch (thrown) {
    return signal.aborted
      ? `timeout: failed to connect service "${address}": context deadline exceeded`
      : `failed to connect service "${address}": ${messageOf(thrown)}`;
  } finally {
    session.on('error', () => undefined);
    session.destroy();
  }
};

import { connect, type IncomingHttpHeaders } from 'node:http2';

const text = Buffer.from('hello world\n');
/** `SimpleRequest` of grpc.testing: an answer of 12 bytes is wanted (field 2), and as many are sent (field 3, whose field 2 is the body). */
const request = Buffer.concat([Buffer.from([0x10, text.length, 0x1a, text.length + 2, 0x12, text.length]), text]);

/** A call that grpc-go's interop server answers: not compressed, its length, and the message. */
export const unaryCall = {
  path: '/grpc.testing.TestService/UnaryCall',
  message: Buffer.concat([Buffer.from([0, 0, 0, 0, request.length]), request]),
  headers: { ':method': 'POST', te: 'trailers', 'content-type': 'application/grpc' },
} as const;

/** Makes the call: the gRPC status that came back. Rejects where none did. */
export const callOnce = (port: number): Promise<string> =>
  new Promise((resolve, reject) => {
    const session = connect(`http://127.0.0.1:${port}`);
    session.on('error', reject);
    const stream = session.request({ ...unaryCall.headers, ':path': unaryCall.path });
    stream.on('trailers', (trailers: IncomingHttpHeaders) => resolve(String(trailers['grpc-status'])));
    stream.on('error', reject).on('close', () => {
      session.destroy();
      reject(new Error('no gRPC status came'));
    });
    stream.resume().end(unaryCall.message);
  });

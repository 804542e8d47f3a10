import test from 'ava';
import { gatewayCodes, type GatewayCode } from '../../core/index.ts';
import { percentEncoded, plainAnswer, refusalAnswer } from './own-answer.ts';

const codes = Object.keys(gatewayCodes) as GatewayCode[];
const grpc = { grpcType: 'application/grpc+proto', method: 'POST' };

test('every refusal has a status for gRPC in a head without a body, and is counted by its status for HTTP', (t) => {
  for (const code of codes) {
    const { fields, body, counted } = refusalAnswer({ code, detail: 'why' }, grpc);
    t.deepEqual(fields.slice(0, 4), [':status', '200', 'content-type', 'application/grpc+proto']);
    t.is(fields[6], 'grpc-message');
    t.is(fields[7], `${code}: why`);
    t.is(body, '');
    t.is(counted, gatewayCodes[code]);
  }
});

test('what may be sent again is unavailable (14), what took too long is a deadline exceeded (4)', (t) => {
  const status = (code: GatewayCode): string | undefined => refusalAnswer({ code, detail: '' }, grpc).fields[5];
  for (const code of ['hold-queue-full', 'wake-failed', 'connect-failed', 'upstream-reset', 'shutting-down'] as const) t.is(status(code), '14');
  for (const code of ['hold-timeout', 'response-timeout'] as const) t.is(status(code), '4');
});

test('clients of HTTP get problem details in lower-case fields, and HEAD gets them without the body', (t) => {
  const refusal = { code: 'hold-queue-full', detail: 'ü', retryAfterSeconds: 1 } as const;
  const plain = refusalAnswer(refusal, { grpcType: undefined, method: 'GET' });
  t.deepEqual(plain.fields, [
    ...[':status', '503', 'content-type', 'application/problem+json', 'cache-control', 'no-store', 'retry-after', '1'],
    ...['content-length', String(Buffer.byteLength(plain.body))],
  ]);
  const head = refusalAnswer(refusal, { grpcType: undefined, method: 'HEAD' });
  t.deepEqual(head.fields, plain.fields);
  t.is(head.body, '');
  t.is(plainAnswer({ status: 503, headers: [], body: 'x' }, false).counted, 503);
});

test('a message for gRPC has printable ASCII alone', (t) => {
  t.is(percentEncoded('100 % of ü\n'), '100 %25 of %C3%BC%0A');
  t.is(percentEncoded(' !~'), ' !~');
});
